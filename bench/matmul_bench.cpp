// Every matmul row that this CPU runs, on the shapes of real models (bench/shapes/*.txt): one row of activations for
// decode rows, 64 for tall ones. Reports multiply-adds and weight bytes a second of thread CPU time. Weights of a
// decode row are walked in a region larger than any cache, as a model's are.
#include <benchmark/benchmark.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/base/memory.h"
#include "kernels/isa.h"
#include "kernels/matmul/registry.h"

namespace runnel {
namespace {

constexpr size_t kBeyondCache = size_t{256} << 20;
constexpr uint32_t kPromptTokens = 64;

class Bytes {
 public:
  explicit Bytes(size_t bytes) : data_(static_cast<uint8_t*>(allocate(bytes))) {
    if (data_ != nullptr) std::memset(data_, 0, bytes);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() { release(data_); }
  uint8_t* get() const { return data_; }

 private:
  uint8_t* data_;
};

void run_row(benchmark::State& state, const MatmulKernel& kernel, uint32_t k, uint32_t n) {
  const DTypeInfo& type = dtype_info(kernel.rhs);
  PackedShape shape;
  if (!packed_shape(type, n, k, &shape)) return state.SkipWithError("shape overflows");
  const bool decode = kernel.mr == 1;
  const uint32_t m = decode ? 1 : kPromptTokens;
  const size_t copies = decode ? kBeyondCache / shape.bytes + 1 : 1;
  const size_t lhs_stride =
      kernel.lhs == LhsType::f32 ? k * sizeof(float) : quantized_row_bytes(kernel.lhs, (k + 31) / 32);
  const Bytes rhs(shape.bytes * copies), lhs(lhs_stride * m), dst(size_t{n} * m * sizeof(float));
  if (rhs.get() == nullptr || lhs.get() == nullptr || dst.get() == nullptr) return state.SkipWithError("no memory");
  const MatmulChoice choice{kernel.lhs, &kernel, &kernel};
  size_t copy = 0;
  for (auto _ : state) {
    run_matmul(choice, kernel.rhs,
               {.lhs = lhs.get(),
                .lhs_stride = lhs_stride,
                .rhs = rhs.get() + copy * shape.bytes,
                .dst = reinterpret_cast<float*>(dst.get()),
                .dst_stride = n * sizeof(float),
                .m = m,
                .n = n,
                .blocks = shape.blocks});
    benchmark::ClobberMemory();
    copy = copy + 1 < copies ? copy + 1 : 0;
  }
  const double calls = static_cast<double>(state.iterations());
  state.counters["mac/s"] = benchmark::Counter(calls * m * k * n, benchmark::Counter::kIsRate);
  state.counters["weight_bytes/s"] =
      benchmark::Counter(calls * static_cast<double>(shape.bytes), benchmark::Counter::kIsRate);
}

const bool registered = [] {
  for (const auto& entry : std::filesystem::directory_iterator(RUNNEL_BENCH_SHAPES)) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      std::istringstream fields(line);
      std::string name;
      uint32_t k = 0, n = 0;
      if (line.starts_with('#') || !(fields >> name >> k >> n)) continue;
      for (const MatmulKernel& kernel : matmul_kernels()) {
        if (!covers(active_isa(), kernel.isa)) continue;
        const std::string title = std::string(kernel.name) + "/" + entry.path().stem().string() + "/" + name;
        benchmark::RegisterBenchmark(title.c_str(), [&kernel, k, n](benchmark::State& state) {
          run_row(state, kernel, k, n);
        })->Unit(benchmark::kMillisecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace runnel
