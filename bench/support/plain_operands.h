// Operands of the peers' products: plain row-major matrices of float32 or int8, and a check against exact sums.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "bench/support/figures.h"
#include "bench/support/shapes.h"

namespace runnel::bench {

// Larger matrices are left out: packing them anew would take longer than all the timing.
inline constexpr size_t kLargestPeerBytes = size_t{256} << 20;  // in float32

// x (m, k) times the transpose of weights (n, k), random.
template <class T>
struct Operands {
  Operands(uint32_t m, const MatrixShape& shape)
      : x(size_t{m} * shape.k + kReadBeyond), weights(size_t{shape.n} * shape.k), out(size_t{m} * shape.n) {
    std::minstd_rand random(1);
    for (T& value : x) value = draw(random);
    for (T& value : weights) value = draw(random);
  }
  static T draw(std::minstd_rand& random) {
    const int level = static_cast<int>(random() >> 8) % 127 - 63;
    return static_cast<T>(std::is_same_v<T, float> ? static_cast<float>(level) / 63.0f : static_cast<float>(level));
  }
  // Some peers read that far beyond x.
  static constexpr size_t kReadBeyond = 64;

  size_t weight_bytes() const { return weights.size() * sizeof(T); }
  double exact(uint32_t row, uint32_t column, uint32_t k) const {
    double sum = 0;
    for (uint32_t i = 0; i < k; ++i)
      sum += static_cast<double>(x[size_t{row} * k + i]) * static_cast<double>(weights[size_t{column} * k + i]);
    return sum;
  }

  std::vector<T> x, weights, out;
};

// `expected` makes of the exact sum what the output must be, `bound` is how far it may be off.
template <class T, class Expected>
std::string check(const Operands<T>& operands, uint32_t m, const MatrixShape& shape, double bound, Expected expected) {
  for (uint32_t row = 0; row < m; row += 7) {
    for (uint32_t column = 0; column < shape.n; column += 61) {
      const double wanted = expected(operands.exact(row, column, shape.k));
      const double got = operands.out[size_t{row} * shape.n + column];
      if (std::abs(got - wanted) <= bound) continue;
      return "wrong: row " + std::to_string(row) + ", column " + std::to_string(column) + " is " + std::to_string(got) +
             ", not " + std::to_string(wanted);
    }
  }
  return {};
}

// One row streams its weights: as many copies as no cache holds.
inline size_t copies_for(uint32_t m, size_t weight_bytes) { return m == 1 ? kBeyondCache / weight_bytes + 1 : 1; }

// Registers run(state, m, shape) for one and 64 rows of every matrix that is not too large.
using PeerFn = void (*)(benchmark::State&, uint32_t m, const MatrixShape& shape);
inline void register_peer(const char* name, PeerFn run) {
  for (const ModelShape& model : model_shapes()) {
    for (const MatrixShape& shape : model.matrices) {
      if (size_t{shape.k} * shape.n * sizeof(float) > kLargestPeerBytes) continue;
      for (const uint32_t m : {1u, 64u}) {
        const std::string title = std::string(name) + "_" + std::to_string(m) + "/" + model.name + "/" + shape.name;
        benchmark::RegisterBenchmark(title.c_str(), [run, m, &shape](benchmark::State& state) {
          run(state, m, shape);
        })->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace runnel::bench
