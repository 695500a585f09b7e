// runnel bench --ops: a profile by op of each prompt and of decoding, in place of the rates.
#pragma once

#include "tools/runnel/bench_options.h"

namespace runnel::tools {

// Requires: complete() options.
Status bench_ops(const BenchOptions& options);

}  // namespace runnel::tools
