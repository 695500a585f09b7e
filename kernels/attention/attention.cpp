// The table of attention rows, the choice among them, and the writer of keys and values.
#include "kernels/attention/attention.h"

#include "kernels/vector/vector.h"

namespace runnel {
namespace {

constexpr AttentionKernel kKernels[] = {
#define ATTENTION_KERNEL(isa, kv) \
  RUNNEL_ONLY_##isa({"attention_" #kv "_" #isa, &attention_##kv##_##isa, Isa::isa, KvType::kv}, )
#include "kernels/attention/attention.inc"
#undef ATTENTION_KERNEL
};

// An infinity would turn the zero weight of a masked key into NaN; and sums over all keys need room.
float clamp(float x) noexcept {
  constexpr float kLargest = 1e30f;
  const float low = x < -kLargest ? -kLargest : x;
  return low > kLargest ? kLargest : low;
}

}  // namespace

const AttentionKernel* attention_kernel(uint32_t index) noexcept {
  return index < sizeof(kKernels) / sizeof(kKernels[0]) ? &kKernels[index] : nullptr;
}

const AttentionKernel* choose_attention(KvType kv, Isa isa) noexcept {
  for (const AttentionKernel& kernel : kKernels)
    if (kernel.kv == kv && covers(isa, kernel.isa)) return &kernel;
  return nullptr;
}

size_t attention_scratch_floats(uint32_t heads, uint32_t kv_heads, uint32_t head_dim) noexcept {
  const size_t rows = size_t{heads / kv_heads} * kAttentionTileTokens;
  // A block of keys; weights of two blocks, maximum and sum of a row.
  const size_t floats = size_t{head_dim} * kKeyBlock + rows * (2 * kKeyBlock + 2);
  return (floats + 15) & ~size_t{15};
}

void store_values(const VectorOps& vector, const KvView& kv, uint32_t position, const float* x, uint32_t kv_heads,
                  uint32_t head_dim) noexcept {
  const uint32_t in_page = position & ((1u << kv.page_shift) - 1);
  uint8_t* part =
      kv.pages[position >> kv.page_shift] + kv.v_offset + size_t{in_page} * head_dim * kv_element_bytes(kv.type);
  for (uint32_t head = 0; head < kv_heads; ++head, x += head_dim, part += kv.head_stride) {
    if (kv.type == KvType::f16) {
      vector.f32_to_f16_row(x, head_dim, reinterpret_cast<uint16_t*>(part));
    } else {
      for (uint32_t d = 0; d < head_dim; ++d) reinterpret_cast<float*>(part)[d] = clamp(x[d]);
    }
  }
}

void store_keys(const VectorOps& vector, const KvView& kv, uint32_t position, const float* x, uint32_t kv_heads,
                uint32_t head_dim) noexcept {
  const uint32_t in_page = position & ((1u << kv.page_shift) - 1);
  const size_t first = size_t{in_page / kKeyBlock} * kKeyBlock * head_dim + in_page % kKeyBlock;  // dimension 0
  uint8_t* part = kv.pages[position >> kv.page_shift] + kv.k_offset;
  for (uint32_t head = 0; head < kv_heads; ++head, x += head_dim, part += kv.head_stride) {
    if (kv.type == KvType::f16) {
      uint16_t halves[kMaxHeadDim];
      vector.f32_to_f16_row(x, head_dim, halves);
      uint16_t* keys = reinterpret_cast<uint16_t*>(part) + first;
      for (uint32_t d = 0; d < head_dim; ++d) keys[size_t{d} * kKeyBlock] = halves[d];
    } else {
      float* keys = reinterpret_cast<float*>(part) + first;
      for (uint32_t d = 0; d < head_dim; ++d) keys[size_t{d} * kKeyBlock] = clamp(x[d]);
    }
  }
}

}  // namespace runnel
