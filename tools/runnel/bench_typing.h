// runnel bench --typing: the first token after Enter when the prompt was computed while it was typed.
#pragma once

#include "tools/runnel/bench_options.h"

namespace runnel::tools {

// Requires: complete() options. With the last of their thread counts.
Status bench_typing(const BenchOptions& options);

}  // namespace runnel::tools
