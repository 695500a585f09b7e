// The 16 levels of the non-linear 4-bit types (GGUF IQ4_NL, IQ4_XS): denser about zero, where weights are.
#pragma once

#include <stdint.h>

namespace runnel {

alignas(16) inline constexpr int8_t kIq4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                      1,    13,   25,  38,  53,  69,  89,  113};

}  // namespace runnel
