// Rows of the instruction sets that the CPU at hand may lack (AVX-VNNI, AVX-512 VNNI), compiled a second time for plain
// x86-64 through SIMDe: their arithmetic is checked on every machine. emulated_rows.cmake builds them.
#pragma once

#include <cstring>

#include "kernels/attention/attention.h"
#include "kernels/isa.h"
#include "kernels/matmul/matmul.h"
#include "kernels/vector/vector.h"

namespace emulated {

// A row by its name: a function of the row's type, or its table. Null when there is none in this build.
const void* find_row(const char* name);

}  // namespace emulated

namespace runnel::test {

// The row itself where the CPU can run it, else its emulation, else null (the test skips).
inline MatmulFn runnable(const MatmulKernel& kernel) {
  if (covers(cpu_isa(), kernel.isa)) return kernel.run;
  return reinterpret_cast<MatmulFn>(const_cast<void*>(emulated::find_row(kernel.name)));
}
template <class Table>  // AttentionKernel, KvKernel, VectorOps
const Table* runnable(const Table& table) {
  if (covers(cpu_isa(), table.isa)) return &table;
  return static_cast<const Table*>(emulated::find_row(table.name));
}

}  // namespace runnel::test
