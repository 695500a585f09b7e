#include "tests/support/model_runner.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace runnel::test {
namespace {

constexpr uint32_t kMostTokens = 512;

template <class T>
T value_of(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return *std::move(result);
}

}  // namespace

ModelRunner::ModelRunner(const std::string& path, ParallelFor& workers, const RunnerOptions& wanted)
    : workers_(workers) {
  ModelFileOptions file_options;
  if (wanted.streamed) file_options = {.verify = Verify::off, .trusted_fingerprint = {}, .keep_files = true};
  file_ = std::make_unique<ModelFile>(value_of(ModelFile::open(path.c_str(), file_options)));
  vocab_ = file_->vocab_size();
  ExecutorOptions options;
  options.max_tokens = kMostTokens;
  options.max_outputs = kMostTokens;
  options.workers = workers.worker_count();
  options.isa = wanted.isa;
  options.kv = wanted.kv;
  options.activations = wanted.activations;
  if (wanted.streamed) {
    constexpr uint64_t kSmallest = 32768;
    streamed_ = std::make_unique<StreamedWeights>(value_of(StreamedWeights::load(*file_, *wanted.streamed, kSmallest)));
    executor_ =
        std::make_unique<CpuExecutor>(value_of(CpuExecutor::create(file_->graph(), streamed_->view(), options)));
  } else {
    executor_ = std::make_unique<CpuExecutor>(value_of(CpuExecutor::create(*file_, options)));
  }
  pages_ = std::make_unique<KvPages>(executor_->plan().kv, kMostTokens >> options.page_shift);
}

std::vector<float> ModelRunner::step(const std::vector<int32_t>& ids, uint32_t position) {
  std::vector<uint32_t> rows(ids.size());
  std::iota(rows.begin(), rows.end(), 0u);
  std::vector<float> out(ids.size() * vocab_);
  StepInput input;
  input.ids = ids;
  input.first_position = position;
  input.pages = pages_->tables();
  input.output_rows = rows;
  input.logits = out.data();
  const Status status = executor_->run(input, workers_);
  if (!status.ok()) throw std::runtime_error(status.message());
  return out;
}

std::vector<float> ModelRunner::logits(const std::vector<int32_t>& ids) { return step(ids, 0); }

std::vector<int32_t> ModelRunner::greedy(const std::vector<int32_t>& ids, uint32_t count) {
  std::vector<int32_t> out;
  std::vector<float> all = step(ids, 0);
  for (auto position = static_cast<uint32_t>(ids.size()); out.size() < count; ++position) {
    const auto last = all.end() - vocab_;
    out.push_back(static_cast<int32_t>(std::max_element(last, all.end()) - last));
    if (out.size() < count) all = step({out.back()}, position);
  }
  return out;
}

}  // namespace runnel::test
