#include "tools/runnel/bench_options.h"

#include <algorithm>

namespace runnel::tools {

Status complete(BenchOptions* options) {
  options->model.share_prefixes = false;  // every prompt is to be computed
  if (options->prefill.empty() && options->decode.empty()) {
    options->prefill = {128, 512};
    options->decode = {100};
  }
  if (options->threads.empty()) {
    RUNNEL_ASSIGN(const OpenOptions open, open_options(options->model));
    RUNNEL_ASSIGN(const MemoryPlan plan, plan_model(options->model.path.c_str(), open));
    options->threads = {plan.threads};
  }
  for (const uint32_t threads : options->threads) {
    if (threads == 0) return Status::error(Code::invalid_argument, "bench: --threads 0 runs nothing");
  }
  if (options->model.context != 0) return {};
  uint64_t longest = 16;
  for (const uint64_t depth : options->depth) {
    for (const uint32_t n : options->prefill) longest = std::max(longest, depth + n + 1);
    for (const uint32_t n : options->decode) longest = std::max(longest, depth + n + kBenchWarmUpTokens + 2);
  }
  if (longest > UINT32_MAX) return Status::error(Code::invalid_argument, "bench: a depth beyond any context");
  options->model.context = static_cast<uint32_t>(longest);
  return {};
}

ModelOptions with_threads(const BenchOptions& options, uint32_t threads) {
  ModelOptions result = options.model;
  result.threads = threads;
  return result;
}

}  // namespace runnel::tools
