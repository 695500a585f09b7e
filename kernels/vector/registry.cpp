#include "kernels/vector/vector.h"

namespace runnel {

#define VECTOR_OPS(isa) RUNNEL_ONLY_##isa(extern const VectorOps vector_ops_##isa;)
#include "kernels/vector/vector.inc"
#undef VECTOR_OPS

namespace {

const VectorOps* const kTables[] = {
#define VECTOR_OPS(isa) RUNNEL_ONLY_##isa(&vector_ops_##isa, )
#include "kernels/vector/vector.inc"
#undef VECTOR_OPS
};
constexpr uint32_t kTableCount = sizeof(kTables) / sizeof(kTables[0]);

}  // namespace

const VectorOps& vector_ops(Isa isa) noexcept {
  uint32_t row = 0;
  while (row + 1 < kTableCount && !covers(isa, kTables[row]->isa)) ++row;
  return *kTables[row];
}

const VectorOps* vector_ops_row(uint32_t index) noexcept { return index < kTableCount ? kTables[index] : nullptr; }

}  // namespace runnel
