// y[c] = act(x[c]), or act(x[c]) * up[c] where up is given. y may be x or up.
#pragma once

#include "graph/builder.h"

namespace runnel {

void activate_row(GateKind kind, const float* x, const float* up, float* y, uint32_t cols) noexcept;

}  // namespace runnel
