// runnel bench --frames: what frames that an app draws feel of a generation, at full effort and yielding.
#pragma once

#include "tools/runnel/bench_options.h"

namespace runnel::tools {

// Requires: complete() options. With the last of their thread counts.
Status bench_frames(const BenchOptions& options);

}  // namespace runnel::tools
