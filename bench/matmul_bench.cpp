// Every matmul row that this CPU runs, on the shapes of real models (bench/shapes/*.txt): one row of activations for
// decode rows, 64 for tall ones. Weights of a decode row are walked in a region larger than any cache, as a model's
// are. A row whose result is wrong is not timed.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/support/figures.h"
#include "bench/support/matrix_problem.h"
#include "bench/support/shapes.h"
#include "kernels/matmul/registry.h"

namespace runnel::bench {
namespace {

constexpr uint32_t kPromptTokens = 64;

void run_row(benchmark::State& state, const MatmulKernel& kernel, const MatrixShape& shape) {
  const bool decode = kernel.mr == 1;
  const uint32_t m = decode ? 1 : kPromptTokens;
  MatrixProblem problem(dtype_info(kernel.rhs), kernel.lhs, kernel.order(), m, shape.k, shape.n,
                        decode ? kBeyondCache : 0);
  const MatmulChoice choice{kernel.lhs, &kernel, &kernel};
  run_matmul(choice, kernel.rhs, problem.args(0));
  if (const std::string wrong = problem.check(); !wrong.empty()) return state.SkipWithError(wrong.c_str());
  size_t copy = 0;
  const Figures figures;
  for (auto _ : state) {
    run_matmul(choice, kernel.rhs, problem.args(copy++));
    benchmark::ClobberMemory();
  }
  figures.set(state, static_cast<double>(problem.weight_bytes()), static_cast<double>(m) * shape.k * shape.n,
              kernel.lhs == LhsType::f32 ? Arithmetic::f32 : Arithmetic::int8);
}

const bool registered = [] {
  for (const ModelShape& model : model_shapes()) {
    for (const MatrixShape& shape : model.matrices) {
      for (const MatmulKernel& kernel : matmul_kernels()) {
        if (!covers(active_isa(), kernel.isa)) continue;
        const std::string title = std::string(kernel.name) + "/" + model.name + "/" + shape.name;
        benchmark::RegisterBenchmark(title.c_str(), [&kernel, &shape](benchmark::State& state) {
          run_row(state, kernel, shape);
        })->Unit(benchmark::kMillisecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace runnel::bench
