// Whether the device is faster than the CPU at what a user waits for: a token.
#include <algorithm>
#include <cstdio>

#include "graph/vulkan/executor.h"
#include "graph/vulkan/hash.h"
#include "graph/vulkan/verdicts.h"
#include "kernels/base/clock.h"

namespace runnel::vulkan {
namespace {

constexpr int kRepeats = 3;

// Of the model and of what the CPU brings.
uint64_t kind_of(const Graph& graph, const ExecutorOptions& options, uint32_t workers) noexcept {
  Hash hash;
  for (const TensorDesc& tensor : graph.tensors) hash.add(tensor.dtype).add(tensor.rows).add(tensor.cols);
  return hash.add(graph.nodes.size()).add(options.isa).add(options.activations).add(workers).value();
}

}  // namespace

Status Executor::compare_with_cpu(ParallelFor& workers, char (&slower)[120]) noexcept {
  slower[0] = '\0';
  Verdicts verdicts;
  verdicts.load(device_.device());
  Verdict verdict;
  verdict.kind = kind_of(program_.graph(), options_.cpu, workers.worker_count());
  if (const Verdict* known = verdicts.find(verdict.kind); known != nullptr) {
    std::snprintf(slower, sizeof slower, "%s", known->why);
    return {};
  }
  // A sequence of one token.
  const KvGroups& kv = plan_.cpu.kv;
  uint64_t bytes = 0;
  for (uint32_t g = 0; g < kv.count; ++g) bytes += kv.groups[g].page_bytes;
  RUNNEL_ASSIGN(uint8_t* const memory, device_.take_pages(bytes));
  uint8_t* pages[kMaxKvGroups] = {};
  uint8_t* const* tables[kMaxKvGroups] = {};
  uint8_t* at = memory;
  for (uint32_t g = 0; g < kv.count; at += kv.groups[g].page_bytes, ++g) {
    pages[g] = at;
    tables[g] = &pages[g];
  }
  const int32_t id = 0;
  const uint32_t row = 0;
  StepInput input;
  input.ids = {&id, 1};
  input.pages = tables;
  input.output_rows = {&row, 1};
  Array<float> logits;
  const Graph& graph = program_.graph();
  Status status;
  uint64_t best[2] = {UINT64_MAX, UINT64_MAX};
  if (!logits.resize(graph.values[graph.logits].shape.cols)) status = out_of_memory("vulkan", "a step's logits");
  input.logits = logits.data();
  for (const bool cpu : {false, true}) {
    // The first one warms up.
    for (int i = 0; i <= kRepeats && status.ok(); ++i) {
      all_on_cpu_ = cpu;
      const uint64_t begin = now_ns();
      status = run(input, workers);
      if (i > 0) best[cpu] = std::min(best[cpu], now_ns() - begin);
    }
  }
  all_on_cpu_ = lost_.load(std::memory_order_relaxed);
  device_.give_pages(memory);
  RUNNEL_TRY(std::move(status));
  const auto ms = [](uint64_t ns) { return static_cast<double>(ns) * 1e-6; };
  if (best[1] < best[0])
    std::snprintf(verdict.why, sizeof verdict.why, "a token takes %.1f ms there and %.1f ms on the CPU", ms(best[0]),
                  ms(best[1]));
  std::snprintf(slower, sizeof slower, "%s", verdict.why);
  RUNNEL_TRY(verdicts.add(verdict));
  verdicts.save(device_.device());
  return {};
}

}  // namespace runnel::vulkan
