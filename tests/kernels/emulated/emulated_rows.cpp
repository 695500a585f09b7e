// The table behind find_row(). Where rows are emulated this file and the rows are compiled with the namespace `runnel`
// renamed, so that the second copies have names of their own.
#include <cstring>

#include "kernels/attention/attention.h"
#include "kernels/matmul/matmul.h"
#include "kernels/vector/vector.h"

namespace emulated {
const void* find_row(const char* name);
}

#if defined(RUNNEL_EMULATE)
namespace runnel {
extern const VectorOps vector_ops_avx512vnni;

namespace {

struct Row {
  const char* name;
  const void* row;
};

#define RUNNEL_STRING_(x) #x
#define RUNNEL_STRING(x) RUNNEL_STRING_(x)
#define RUNNEL_EMULATED_scalar(...)
#define RUNNEL_EMULATED_neon(...)
#define RUNNEL_EMULATED_neon_dotprod(...)
#define RUNNEL_EMULATED_neon_i8mm(...)
#define RUNNEL_EMULATED_avx2(...)
#define RUNNEL_EMULATED_avxvnni(...) __VA_ARGS__
#define RUNNEL_EMULATED_avx512vnni(...) __VA_ARGS__

const Row kRows[] = {
#define MATMUL_KERNEL(isa, ...) \
  RUNNEL_EMULATED_##isa(        \
      {RUNNEL_STRING(MATMUL_NAME(isa, __VA_ARGS__)), reinterpret_cast<const void*>(&MATMUL_NAME(isa, __VA_ARGS__))}, )
#include "kernels/matmul/matmul.inc"
#define ATTENTION_KERNEL(isa, kv) \
  RUNNEL_EMULATED_##isa({"attention_" #kv "_" #isa, reinterpret_cast<const void*>(&attention_##kv##_##isa)}, )
#include "kernels/attention/attention.inc"
#define VECTOR_OPS(isa) RUNNEL_EMULATED_##isa({#isa, &vector_ops_##isa}, )
#include "kernels/vector/vector.inc"
};

}  // namespace
}  // namespace runnel

const void* emulated::find_row(const char* name) {
  for (const auto& row : runnel::kRows)
    if (std::strcmp(row.name, name) == 0) return row.row;
  return nullptr;
}
#else
const void* emulated::find_row(const char*) { return nullptr; }
#endif
