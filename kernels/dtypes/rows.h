// The DTypeInfo of every row of dtypes.inc, each defined in its file.
#pragma once

#include "kernels/dtype.h"

namespace runnel {

#define DTYPE(name, id) extern const DTypeInfo dtype_##name;
#include "kernels/dtypes.inc"
#undef DTYPE

}  // namespace runnel
