// The table of attention rows, the choice among them, and the writer of keys and values.
#include "kernels/attention/attention.h"

#include "kernels/half.h"

namespace runnel {
namespace {

constexpr AttentionKernel kKernels[] = {
#define ATTENTION_KERNEL(isa, kv) \
  RUNNEL_ONLY_##isa({"attention_" #kv "_" #isa, &attention_##kv##_##isa, Isa::isa, KvType::kv}, )
#include "kernels/attention/attention.inc"
#undef ATTENTION_KERNEL
};

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
  const size_t floats = size_t{head_dim} * 16 + rows * (16 + 2);  // a block of keys; weights, maximum and sum of a row
  return (floats + 15) & ~size_t{15};
}

void store_kv(const KvView& kv, uint64_t part_offset, uint32_t position, const float* x, uint32_t kv_heads,
              uint32_t head_dim) noexcept {
  // An infinity would turn the zero weight of a masked key into NaN; float32 keeps room for sums over all keys.
  const float largest = kv.type == KvType::f32 ? 1e30f : 65504.0f;
  const uint32_t in_page = position & ((1u << kv.page_shift) - 1);
  uint8_t* part =
      kv.pages[position >> kv.page_shift] + part_offset + size_t{in_page} * head_dim * kv_element_bytes(kv.type);
  for (uint32_t head = 0; head < kv_heads; ++head, x += head_dim, part += kv.head_stride) {
    for (uint32_t d = 0; d < head_dim; ++d) {
      const float low = x[d] < -largest ? -largest : x[d];
      const float value = low > largest ? largest : low;
      if (kv.type == KvType::f32) {
        reinterpret_cast<float*>(part)[d] = value;
      } else {
        reinterpret_cast<uint16_t*>(part)[d] = f32_to_f16(value);
      }
    }
  }
}

}  // namespace runnel
