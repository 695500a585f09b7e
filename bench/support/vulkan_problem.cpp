#include "bench/support/vulkan_problem.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "graph/cpu/kv_layout.h"

namespace runnel::bench {
namespace {

constexpr double kBound = 2e-3;          // of the largest output, as the executor's tests have it
constexpr double kBatchSeconds = 0.03;   // at least
constexpr uint32_t kMostRepeats = 1024;  // of the nodes in a batch

// Tensors of a graph, packed: matrices are a few random panels over and over, equal ones share their bytes.
class Weights {
 public:
  explicit Weights(const Graph& graph) {
    std::mt19937 random(1);
    for (const TensorDesc& desc : graph.tensors) {
      const auto same = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
        return known.dtype == desc.dtype && known.rows == desc.rows && known.cols == desc.cols;
      });
      if (same == known_.end()) {
        known_.push_back({desc.dtype, desc.rows, desc.cols, fill(desc, random)});
        tensors_.push_back(known_.size() - 1);
      } else {
        tensors_.push_back(static_cast<size_t>(same - known_.begin()));
      }
    }
  }
  WeightView view() const {
    WeightView view;
    view.context = this;
    view.data = [](const void* context, uint32_t tensor) noexcept {
      const auto& self = *static_cast<const Weights*>(context);
      return self.known_[self.tensors_[tensor]].bytes.data();
    };
    return view;
  }

 private:
  struct Known {
    DType dtype;
    uint32_t rows, cols;
    test::AlignedBytes bytes;
  };
  static test::AlignedBytes fill(const TensorDesc& desc, std::mt19937& random) {
    test::AlignedBytes bytes(desc.bytes);
    if (desc.rows == 1) {  // of a norm, or frequencies
      std::uniform_real_distribution<float> uniform(0.75f, 1.25f);
      auto* value = reinterpret_cast<float*>(bytes.data());
      for (uint32_t i = 0; i < desc.cols; ++i) value[i] = uniform(random);
      return bytes;
    }
    constexpr uint32_t kPatternRows = 64;  // a multiple of every nr
    const DTypeInfo& type = dtype_info(desc.dtype);
    const test::PackedWeights pattern(type, kPatternRows, ceil_div(desc.cols, type.group), random);
    const size_t panel = pattern.shape.panel_bytes;
    for (size_t p = 0; p * panel < desc.bytes; ++p)
      std::memcpy(bytes.data() + p * panel, pattern.packed.data() + p % pattern.shape.panels * panel, panel);
    return bytes;
  }

  std::vector<Known> known_;
  std::vector<size_t> tensors_;  // indices of known_
};

// Pages of one sequence in the device's memory, keys and values before the step random.
class Pages {
 public:
  Pages(ComputeDevice& device, const Graph& graph, const KvGroups& groups, KvType type, uint32_t depth, uint32_t tokens)
      : device_(device) {
    if (groups.count == 0) return;
    const uint64_t page_bytes = groups.groups[0].page_bytes;
    const uint32_t count = ((depth + tokens) >> groups.page_shift) + 1;
    Result<uint8_t*> memory = device.take_pages(page_bytes * count);
    if (!memory.ok()) return;
    memory_ = *memory;
    for (uint32_t p = 0; p < count; ++p) pages_.push_back(memory_ + p * page_bytes);
    table_ = pages_.data();
    KvSlotLayout slot;
    KvLayout layout = {{&slot, 1}, {}, type};  // laid out anew: groups has the bytes of a page already
    layout.groups.page_shift = groups.page_shift;
    if (!lay_out_kv(graph.slots, &layout)) return;
    const KvView view = {table_, groups.page_shift, slot.keys, slot.values};
    const KvKernel& kernel = *choose_kv(type, active_isa());
    const StateSlot& state = graph.slots[0];
    std::mt19937 random(2);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> row(size_t{state.kv_heads} * state.head_dim);
    for (uint32_t t = 0; t < depth; ++t) {
      for (float& x : row) x = uniform(random);
      store_keys(kernel, view, t, row.data(), state.kv_heads, state.head_dim);
      store_values(kernel, view, t, row.data(), state.kv_heads, state.head_dim);
    }
  }
  ~Pages() { device_.give_pages(memory_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  uint8_t* const* const* tables() const { return &table_; }

 private:
  ComputeDevice& device_;
  uint8_t* memory_ = nullptr;
  std::vector<uint8_t*> pages_;
  uint8_t* const* table_ = nullptr;
};

class Problem {
 public:
  Problem(vulkan::ComputeDeviceImpl& device, const VulkanCase& one) : one_(one), weights_(one.graph) {
    options_.max_tokens = options_.max_outputs = one.tokens;
    options_.activations = one.activations;
    options_.kv = one.kv;
    options_.isa = active_isa();
    Result<DeviceExecutor*> made =
        device.make_executor(one.graph, weights_.view(), {options_, one.depth + one.tokens + 1});
    if (!made.ok()) {
      why_ = made.status().message();
      return;
    }
    executor_ = static_cast<vulkan::Executor*>(*made);
    find_nodes();
    if (why_.empty()) run(device);
  }
  ~Problem() {
    if (executor_ != nullptr) executor_->destroy();
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  const std::string& why() const { return why_; }
  size_t nodes() const { return nodes_.size(); }
  // 0: failed.
  double seconds(uint32_t repeats) {
    const Result<uint64_t> ns = executor_->time_nodes(nodes_, repeats);
    return ns.ok() ? 1e-9 * static_cast<double>(*ns) : 0;
  }

 private:
  void find_nodes() {
    for (uint32_t n = 0; n < one_.graph.nodes.size(); ++n)
      if (one_.graph.nodes[n].op == one_.timed) nodes_.push_back(n);
    for (const PlacementRow& row : executor_->placement()) {
      const bool timed = std::strncmp(row.what, one_.timed->name, std::strlen(one_.timed->name)) == 0;
      const bool as_asked = one_.activations == Activations::f32 || std::strstr(row.what, "8-bit products") != nullptr;
      if (timed && (!row.on_device || !as_asked))
        why_ = std::string(row.on_device ? "not by 8-bit products: " : "on the CPU: ") + row.why;
    }
  }

  // A step on both sides, over the same pages.
  void run(ComputeDevice& device) {
    Result<CpuExecutor> cpu = CpuExecutor::create(one_.graph, weights_.view(), options_);
    if (!cpu.ok()) {
      why_ = cpu.status().message();
      return;
    }
    pages_.emplace(device, one_.graph, cpu->plan().kv, one_.kv, one_.depth, one_.tokens);
    std::vector<int32_t> ids(one_.tokens);
    std::vector<uint32_t> rows(one_.tokens);
    for (uint32_t i = 0; i < one_.tokens; ++i) {
      ids[i] = static_cast<int32_t>((i * 7919 + 13) % kTableRows);
      rows[i] = i;
    }
    const size_t floats = size_t{one_.tokens} * one_.graph.values[one_.graph.logits].shape.cols;
    std::vector<float> wanted(floats), got(floats);
    StepInput input;
    input.ids = ids;
    input.first_position = one_.depth;
    input.pages = pages_->tables();
    input.output_rows = rows;
    SerialFor serial;
    for (const bool on_device : {false, true}) {
      input.logits = (on_device ? got : wanted).data();
      const Status status = on_device ? executor_->run(input, serial) : cpu->run(input, serial);
      if (!status.ok()) why_ = status.message();
    }
    if (why_.empty()) compare(got, wanted);
  }

  void compare(const std::vector<float>& got, const std::vector<float>& wanted) {
    double size = 0;
    for (const float value : wanted) size = std::max(size, std::fabs(double{value}));
    for (size_t i = 0; i < got.size(); ++i) {
      if (std::fabs(double{got[i]} - wanted[i]) <= kBound * size) continue;
      why_ =
          "wrong: value " + std::to_string(i) + " is " + std::to_string(got[i]) + ", not " + std::to_string(wanted[i]);
      return;
    }
  }

  const VulkanCase& one_;
  Weights weights_;
  ExecutorOptions options_;
  vulkan::Executor* executor_ = nullptr;
  std::optional<Pages> pages_;  // that the nodes timed read
  std::vector<uint32_t> nodes_;
  std::string why_;
};

}  // namespace

void run_vulkan_row(benchmark::State& state, VulkanCase one) {
  std::string why;
  vulkan::ComputeDeviceImpl* device = vulkan_device(&why);
  if (device == nullptr) return state.SkipWithError(why.c_str());
  Problem problem(*device, one);
  if (!problem.why().empty()) return state.SkipWithError(problem.why().c_str());
  const double copy_gb_s = vulkan_copy_gb_s(device->device());
  const double once = problem.seconds(1);
  const auto repeats =
      static_cast<uint32_t>(std::clamp(std::ceil(kBatchSeconds / std::max(once, 1e-6)), 1.0, double{kMostRepeats}));
  const double count = static_cast<double>(repeats) * static_cast<double>(problem.nodes());
  double total = 0;
  for (auto _ : state) {
    const double seconds = problem.seconds(repeats);
    if (seconds == 0) return state.SkipWithError("the device was lost");
    state.SetIterationTime(seconds / count);
    total += seconds / count;
  }
  const double rate = static_cast<double>(state.iterations()) / total * 1e-9;
  if (one.bytes > 0) {
    state.counters["GB/s"] = one.bytes * rate;
    if (copy_gb_s > 0) state.counters["copy%"] = 100 * one.bytes * rate / copy_gb_s;
  }
  if (one.macs > 0) state.counters["GMAC/s"] = one.macs * rate;
}

}  // namespace runnel::bench
