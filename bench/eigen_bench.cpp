// A plain Eigen product in float32 on the same shapes as ours, one thread, compiled for this machine's own CPU. Checked
// against exact sums.
#include <benchmark/benchmark.h>

#include <Eigen/Core>

#include "bench/support/plain_operands.h"

namespace runnel::bench {
namespace {

void eigen_f32(benchmark::State& state, uint32_t m, const MatrixShape& shape) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Operands<float> operands(m, shape);
  const size_t copies = copies_for(m, operands.weight_bytes());
  std::vector<float> weights;
  weights.reserve(operands.weights.size() * copies);
  for (size_t i = 0; i < copies; ++i) weights.insert(weights.end(), operands.weights.begin(), operands.weights.end());
  const Eigen::Map<const Matrix> x(operands.x.data(), m, shape.k);
  Eigen::Map<Matrix> out(operands.out.data(), m, shape.n);
  size_t turn = 0;
  const auto run = [&] {
    const Eigen::Map<const Matrix> w(weights.data() + turn++ % copies * operands.weights.size(), shape.n, shape.k);
    if (m == 1) {
      out.row(0).noalias() = x.row(0) * w.transpose();
    } else {
      out.noalias() = x * w.transpose();
    }
  };
  run();
  const std::string wrong = check(operands, m, shape, 1e-5 * shape.k, [](double sum) { return sum; });
  if (!wrong.empty()) return state.SkipWithError(wrong.c_str());
  const Figures figures;
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  figures.set(state, static_cast<double>(operands.weight_bytes()), static_cast<double>(m) * shape.k * shape.n,
              Arithmetic::f32);
}

const bool registered = (register_peer("eigen_f32", eigen_f32), true);

}  // namespace
}  // namespace runnel::bench
