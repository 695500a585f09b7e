// runnel bench --shared: sessions over one prompt, what the first pays and what the others, and the memory of all.
#pragma once

#include "tools/runnel/bench_options.h"

namespace runnel::tools {

Status bench_shared(const BenchOptions& options);

}  // namespace runnel::tools
