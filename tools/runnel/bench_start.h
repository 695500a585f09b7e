// Time to the first token, opening included: from disk, and with the file in the system's cache.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "runtime/bench/first_token.h"
#include "tools/runnel/model_options.h"

namespace runnel::tools {

struct StartFigures {
  FirstToken cold, warm;    // medians
  double cached_share = 0;  // of the file's pages that stayed in memory before the cold starts; negative: not known
};

Result<StartFigures> measure_start(const ModelOptions& options);
void print_start(const StartFigures& figures);
// Adds ttft_cold_ms, ttft_warm_ms and what belongs to them.
void add_start_json(const StartFigures& figures, nlohmann::ordered_json* object);

}  // namespace runnel::tools
