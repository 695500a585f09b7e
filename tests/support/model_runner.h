// Runs a model file with the CPU executor, one sequence, its own pages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graph/cpu/executor.h"
#include "graph/file/model_file.h"
#include "runtime/weights/streamed_weights.h"
#include "tests/support/kv_pages.h"

namespace runnel::test {

struct RunnerOptions {
  Isa isa = active_isa();
  KvTypes kv = KvType::f16;
  Activations activations = Activations::automatic;
  // Streamed weights, in blocks of 32 KiB, or what the widest panel needs. None: mapped.
  std::optional<StreamSplit> streamed = {};
};

class ModelRunner {
 public:
  // Throws std::runtime_error with the Status's message, as everything here.
  ModelRunner(const std::string& path, ParallelFor& workers, const RunnerOptions& options = {});

  // Logits of every token of a new sequence, computed in one step.
  std::vector<float> logits(const std::vector<int32_t>& ids);
  // The likeliest continuation, token by token.
  std::vector<int32_t> greedy(const std::vector<int32_t>& ids, uint32_t count);
  uint32_t vocab() const { return vocab_; }
  const ModelFile& file() const { return *file_; }

 private:
  std::vector<float> step(const std::vector<int32_t>& ids, uint32_t position);

  std::unique_ptr<ModelFile> file_;
  std::unique_ptr<StreamedWeights> streamed_;
  std::unique_ptr<CpuExecutor> executor_;
  ParallelFor& workers_;
  uint32_t vocab_ = 0;
  std::unique_ptr<KvPages> pages_;
};

}  // namespace runnel::test
