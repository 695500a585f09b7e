#include "bench/support/matrix_problem.h"

#include <cstdio>

namespace runnel::bench {
namespace {

constexpr uint32_t kPatternRows = 64;  // a multiple of every nr
constexpr double kRounding = 1e-5;     // of a sum of products' magnitudes; float sums of thousands stay well below

PackedShape shape_of(const DTypeInfo& type, uint32_t k, uint32_t n) {
  PackedShape shape;
  if (!packed_shape(type, n, k, &shape)) std::abort();
  return shape;
}

}  // namespace

MatrixProblem::MatrixProblem(const DTypeInfo& type, LhsType lhs, LhsOrder order, uint32_t m, uint32_t k, uint32_t n,
                             size_t least_weight_bytes)
    : m_(m),
      n_(n),
      pattern_(type, kPatternRows, ceil_div(k, type.group), random_),
      left_(lhs, order, m, pattern_.depth(), random_),
      shape_(shape_of(type, k, n)),
      copies_(least_weight_bytes / shape_.bytes + 1),
      weights_(shape_.bytes * copies_),
      out_(size_t{m} * n * sizeof(float)) {
  const size_t panels = shape_.panels * copies_;
  const size_t panel_bytes = shape_.panel_bytes;
  // A copy begins with the pattern anew.
  for (size_t p = 0; p < panels; ++p) {
    const size_t from = p % shape_.panels % pattern_.shape.panels;
    std::memcpy(weights_.data() + p * panel_bytes, pattern_.packed.data() + from * panel_bytes, panel_bytes);
  }
}

MatmulArgs MatrixProblem::args(size_t copy) {
  return {.lhs = left_.bytes->data(),
          .lhs_stride = left_.stride,
          .rhs = weights_.data() + copy % copies_ * shape_.bytes,
          .dst = reinterpret_cast<float*>(out_.data()),
          .dst_stride = n_ * sizeof(float),
          .m = m_,
          .n = n_,
          .blocks = shape_.blocks};
}

std::string MatrixProblem::check() const {
  const auto* out = reinterpret_cast<const float*>(out_.data());
  for (uint32_t column = 0; column < n_; column += column + 61 < n_ - std::min(n_, 16u) ? 61 : 1) {
    const std::vector<float> weights = pattern_.row(column % kPatternRows);
    for (uint32_t r = 0; r < m_; ++r) {
      const test::Exact exact = test::exact_dot(weights, left_.values[r]);
      const double got = out[size_t{r} * n_ + column];
      if (std::abs(got - exact.value) <= kRounding * exact.magnitude) continue;
      char text[128];
      std::snprintf(text, sizeof text, "wrong: row %u, column %u is %g, not %g", r, column, got, exact.value);
      return text;
    }
  }
  return {};
}

}  // namespace runnel::bench
