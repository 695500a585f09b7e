#include "graph/cpu/activate.h"

#include <cmath>

namespace runnel {
namespace {

float silu(float x) noexcept { return x / (1.0f + std::exp(-x)); }
float gelu(float x) noexcept { return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752f)); }
float gelu_tanh(float x) noexcept {
  return 0.5f * x * (1.0f + std::tanh(0.79788456080286536f * (x + 0.044715f * x * x * x)));
}
float relu(float x) noexcept { return x > 0 ? x : 0; }

template <float (*Act)(float) noexcept>
void apply(const float* x, const float* up, float* y, uint32_t cols) noexcept {
  for (uint32_t c = 0; c < cols; ++c) y[c] = up == nullptr ? Act(x[c]) : Act(x[c]) * up[c];
}

}  // namespace

void activate_row(GateKind kind, const float* x, const float* up, float* y, uint32_t cols) noexcept {
  switch (kind) {
    case GateKind::silu: return apply<silu>(x, up, y, cols);
    case GateKind::gelu: return apply<gelu>(x, up, y, cols);
    case GateKind::gelu_tanh: return apply<gelu_tanh>(x, up, y, cols);
    case GateKind::relu: return apply<relu>(x, up, y, cols);
  }
}

}  // namespace runnel
