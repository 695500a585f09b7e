// kernels/dtypes/iq4_levels.h.
#include "levels.glsl"
const uvec4 kIq4Levels = uvec4(0xbfad9881u, 0xf6eaddcfu, 0x26190d01u, 0x71594535u);
