// Tests every kind of node that is to run on a device against the scalar code of the CPU, before anything relies on it:
// the model's own shapes and weights, random activations, steps of several lengths, several places in the pages. What
// the driver gets wrong, or cannot compile, runs on the CPU.
#pragma once

#include "graph/vulkan/executor.h"
#include "graph/vulkan/verdicts.h"

namespace runnel::vulkan {

class SelfTest {
 public:
  SelfTest(Executor& executor, const WeightView& weights) noexcept : executor_(executor), weights_(weights) {}
  ~SelfTest();
  SelfTest(const SelfTest&) = delete;
  SelfTest& operator=(const SelfTest&) = delete;

  // Moves nodes that fail to the CPU, with the reason. Statuses: out_of_memory, device_lost, those of the weights.
  Status run(bool* all_passed) noexcept;

 private:
  struct Case {
    uint32_t tokens, first_position;
    bool cut;  // into several dispatches
  };
  static constexpr uint32_t kTestPages = 3;    // of a sequence, that its table names in turn
  static constexpr uint32_t kTestKeys = 4608;  // longest sequence: parts begin anew at 4096

  Status prepare() noexcept;
  uint64_t kind_of(size_t node) const noexcept;
  // Empties or fills why.
  Status test(size_t node, Verdict* verdict) noexcept;
  Status test_case(size_t node, const Case& one, Verdict* verdict) noexcept;
  void fill_operands(size_t node, uint32_t seed) noexcept;
  void fill_pages(size_t node, uint32_t seed, uint8_t* const* pages) noexcept;
  Status run_on_device(size_t node, const Case& one) noexcept;
  Status take_output(size_t node, Array<float>* out) const noexcept;

  Executor& executor_;
  const WeightView& weights_;
  Verdicts verdicts_;
  // Which of the CPU's programs a node is held to.
  enum Reference : uint8_t { kFloats, kBytes, kQuantisedPages, kReferences };
  Reference reference_of(size_t node) const noexcept;
  std::optional<CpuProgram> references_[kReferences];
  Block scratches_[kReferences];
  Array<int32_t> ids_;
  Array<uint32_t> rows_;
  uint8_t* pages_[2] = {};  // for the CPU, for the device
  Array<uint8_t*> tables_[2][kMaxKvGroups];
  uint8_t* const* groups_[2][kMaxKvGroups] = {};
};

}  // namespace runnel::vulkan
