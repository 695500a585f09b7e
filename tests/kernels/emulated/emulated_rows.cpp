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
#define ATTENTION_KERNEL(isa) extern const AttentionKernel attention_##isa;
#include "kernels/attention/attention.inc"
#undef ATTENTION_KERNEL
#define KV_KERNEL(isa, type) extern const KvKernel kv_##type##_##isa;
#include "kernels/attention/kv.inc"
#undef KV_KERNEL
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
#define ATTENTION_KERNEL(isa) RUNNEL_EMULATED_##isa({"attention_" #isa, &attention_##isa}, )
#include "kernels/attention/attention.inc"
#define KV_KERNEL(isa, type) RUNNEL_EMULATED_##isa({"kv_" #type "_" #isa, &kv_##type##_##isa}, )
#include "kernels/attention/kv.inc"
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
