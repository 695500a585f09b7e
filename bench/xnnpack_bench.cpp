// XNNPACK's fully-connected on the same shapes as ours, one thread: in float32, and in int8 with one scale a tensor
// (qs8, the nearest to ours that Debian's version has; its activations come quantised). Checked against exact sums.
#include <benchmark/benchmark.h>
#include <xnnpack.h>

#include <algorithm>

#include "bench/support/plain_operands.h"

namespace runnel::bench {
namespace {

// One operator a copy of the weights: XNNPACK packs its own.
class Operators {
 public:
  ~Operators() {
    for (xnn_operator_t op : operators_) xnn_delete_operator(op);
  }
  void add(xnn_operator_t op) { operators_.push_back(op); }
  xnn_operator_t next() { return operators_[turn_++ % operators_.size()]; }

 private:
  std::vector<xnn_operator_t> operators_;
  size_t turn_ = 0;
};

// `setup` points an operator at the operands; then the check and the loop.
template <class T, class Setup, class Expected>
void run_xnnpack(benchmark::State& state, Operators& operators, Operands<T>& operands, uint32_t m,
                 const MatrixShape& shape, double bound, Setup setup, Expected expected) {
  const auto run = [&] {
    xnn_operator_t op = operators.next();
    return setup(op) == xnn_status_success && xnn_run_operator(op, nullptr) == xnn_status_success;
  };
  if (!run()) return state.SkipWithError("XNNPACK cannot run it");
  if (const std::string wrong = check(operands, m, shape, bound, expected); !wrong.empty())
    return state.SkipWithError(wrong.c_str());
  const Figures figures;
  for (auto _ : state) {
    if (!run()) return state.SkipWithError("XNNPACK cannot run it");
    benchmark::ClobberMemory();
  }
  figures.set(state, static_cast<double>(operands.weight_bytes()), static_cast<double>(m) * shape.k * shape.n,
              std::is_same_v<T, float> ? Arithmetic::f32 : Arithmetic::int8);
}

void xnnpack_f32(benchmark::State& state, uint32_t m, const MatrixShape& shape) {
  Operands<float> operands(m, shape);
  Operators operators;
  for (size_t i = 0; i < copies_for(m, operands.weight_bytes()); ++i) {
    xnn_operator_t op = nullptr;
    if (xnn_create_fully_connected_nc_f32(shape.k, shape.n, shape.k, shape.n, operands.weights.data(), nullptr,
                                          -INFINITY, INFINITY, 0, &op) != xnn_status_success)
      return state.SkipWithError("XNNPACK cannot make it");
    operators.add(op);
  }
  run_xnnpack(
      state, operators, operands, m, shape, 1e-5 * shape.k,
      [&](xnn_operator_t op) {
        return xnn_setup_fully_connected_nc_f32(op, m, operands.x.data(), operands.out.data(), nullptr);
      },
      [](double sum) { return sum; });
}

void xnnpack_qs8(benchmark::State& state, uint32_t m, const MatrixShape& shape) {
  Operands<int8_t> operands(m, shape);
  // Sums of k products of two values of variance 63^2 / 3: the output's 127 levels reach to 4 deviations.
  const double level = 4 * std::sqrt(static_cast<double>(shape.k)) * 63 * 63 / 3 / 127;
  Operators operators;
  for (size_t i = 0; i < copies_for(m, operands.weight_bytes()); ++i) {
    xnn_operator_t op = nullptr;
    if (xnn_create_fully_connected_nc_qs8(shape.k, shape.n, shape.k, shape.n, 0, 1.0f, 1.0f, operands.weights.data(),
                                          nullptr, 0, static_cast<float>(level), -128, 127, 0,
                                          &op) != xnn_status_success)
      return state.SkipWithError("XNNPACK cannot make it");
    operators.add(op);
  }
  run_xnnpack(
      state, operators, operands, m, shape, 1.0,
      [&](xnn_operator_t op) {
        return xnn_setup_fully_connected_nc_qs8(op, m, operands.x.data(), operands.out.data(), nullptr);
      },
      [&](double sum) { return std::clamp(sum / level, -128.0, 127.0); });
}

const bool registered = [] {
  if (xnn_initialize(nullptr) != xnn_status_success) return false;
  register_peer("xnnpack_f32", xnnpack_f32);
  register_peer("xnnpack_qs8", xnnpack_qs8);
  return true;
}();

}  // namespace
}  // namespace runnel::bench
