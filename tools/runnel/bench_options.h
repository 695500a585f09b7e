// What `runnel bench` is asked to measure, and what its parts share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/runnel/model_options.h"

namespace runnel::tools {

inline constexpr uint32_t kBenchWarmUpTokens = 10;  // decoded before the first that is timed

struct BenchOptions {
  ModelOptions model;
  std::vector<uint32_t> prefill, decode, depth = {0}, threads;
  uint32_t repeats = 5;
  std::string text;  // file; empty: made up
  bool ops = false;
  uint32_t shared = 0;  // sessions over one prompt; 0: not that
  bool typing = false;
  bool frames = false;
  bool json = false;
};

// Fills what was left open: lengths, thread counts, and the context that the longest run needs.
Status complete(BenchOptions* options);
// The options of the model for runs with so many threads.
ModelOptions with_threads(const BenchOptions& options, uint32_t threads);

}  // namespace runnel::tools
