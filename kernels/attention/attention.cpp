// The tables of attention rows and of storage rows, the choice among them, sizes, and the writer of keys and values.
#include "kernels/attention/attention.h"

namespace runnel {

#define ATTENTION_KERNEL(isa) RUNNEL_ONLY_##isa(extern const AttentionKernel attention_##isa;)
#include "kernels/attention/attention.inc"
#undef ATTENTION_KERNEL
#define KV_KERNEL(isa, type) RUNNEL_ONLY_##isa(extern const KvKernel kv_##type##_##isa;)
#include "kernels/attention/kv.inc"
#undef KV_KERNEL

namespace {

const AttentionKernel* const kAttention[] = {
#define ATTENTION_KERNEL(isa) RUNNEL_ONLY_##isa(&attention_##isa, )
#include "kernels/attention/attention.inc"
#undef ATTENTION_KERNEL
};
constexpr uint32_t kAttentionCount = sizeof(kAttention) / sizeof(kAttention[0]);

const KvKernel* const kStorage[] = {
#define KV_KERNEL(isa, type) RUNNEL_ONLY_##isa(&kv_##type##_##isa, )
#include "kernels/attention/kv.inc"
#undef KV_KERNEL
};
constexpr uint32_t kStorageCount = sizeof(kStorage) / sizeof(kStorage[0]);

uint8_t* block_of(const KvView& kv, const KvPlace& place, uint32_t position, size_t block_bytes) noexcept {
  const uint32_t in_page = position & ((1u << kv.page_shift) - 1);
  return kv.pages[position >> kv.page_shift] + place.offset + in_page / kKvBlock * block_bytes;
}

}  // namespace

const AttentionKernel* attention_kernel(uint32_t index) noexcept {
  return index < kAttentionCount ? kAttention[index] : nullptr;
}

const AttentionKernel& choose_attention(Isa isa) noexcept {
  uint32_t row = 0;
  while (row + 1 < kAttentionCount && !covers(isa, kAttention[row]->isa)) ++row;
  return *kAttention[row];
}

const KvKernel* kv_kernel(uint32_t index) noexcept { return index < kStorageCount ? kStorage[index] : nullptr; }

const KvKernel* choose_kv(KvType type, Isa isa) noexcept {
  for (const KvKernel* kernel : kStorage)
    if (kernel->type == type && covers(isa, kernel->isa)) return kernel;
  return nullptr;
}

size_t attention_scratch_floats(uint32_t heads, uint32_t kv_heads, uint32_t head_dim) noexcept {
  const uint32_t group = heads / kv_heads;
  const uint32_t rows = attention_tile_tokens(group) * group, stride = kv_row_stride(head_dim);
  // Queries; sums of all parts and of one; weights of a chunk; a block's keys, widened.
  return size_t{rows} * stride + 2 * attention_sums_floats(rows, head_dim) + size_t{rows} * kChunkKeys +
         size_t{stride} * kKvBlock;
}

size_t attention_partial_floats(uint32_t tokens, uint32_t heads, uint32_t kv_heads, uint32_t head_dim) noexcept {
  return kParts * kv_heads * attention_sums_floats(tokens * (heads / kv_heads), head_dim);
}

void store_keys(const KvKernel& keys, const KvView& kv, uint32_t position, const float* x, uint32_t kv_heads,
                uint32_t head_dim) noexcept {
  uint8_t* block = block_of(kv, kv.keys, position, kv_block_bytes(keys.type, head_dim));
  for (uint32_t head = 0; head < kv_heads; ++head, x += head_dim, block += kv.keys.head_stride)
    keys.store_key(x, head_dim, position % kKvBlock, block);
}

void store_values(const KvKernel& values, const KvView& kv, uint32_t position, const float* x, uint32_t kv_heads,
                  uint32_t head_dim) noexcept {
  uint8_t* block = block_of(kv, kv.values, position, kv_block_bytes(values.type, head_dim));
  for (uint32_t head = 0; head < kv_heads; ++head, x += head_dim, block += kv.values.head_stride)
    values.store_value(x, head_dim, position % kKvBlock, block);
}

}  // namespace runnel
