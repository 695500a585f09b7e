// How the keys or values of one head lie in a page, by storage type.
//
// They come in blocks of 16 tokens at multiples of 16 of the absolute position, whatever the page's size.
//
//   f32, f16   keys    [head_dim][token]: a load gives one dimension of 16 keys, each in a lane of its own
//              values  [token][head_dim]
//   q8         float16 scales [group][token] of groups of 32 along the head, the last one shorter; then a byte a
//              number, keys [head_dim][token], values [token][head_dim]
//   q4         the same scales; then two numbers a byte: byte i of a group of n holds its numbers i (low nibble) and
//              (n + 1) / 2 + i. Keys [byte][token], values [token][byte], of heads that were rotated (rotation.h)
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runnel/types.h"

namespace runnel {

inline constexpr uint32_t kKvBlock = 16;
inline constexpr uint32_t kMinPageShift = 4;  // a page holds whole blocks
inline constexpr uint32_t kMaxHeadDim = 512;
inline constexpr uint32_t kKvGroup = 32;

// Quantised types: groups of a head, bytes of a block's scales, and of one token's numbers of the first `dims`
// dimensions (a multiple of kKvGroup, or the whole head).
constexpr uint32_t kv_groups(uint32_t head_dim) noexcept { return (head_dim + kKvGroup - 1) / kKvGroup; }
constexpr size_t kv_scale_bytes(uint32_t head_dim) noexcept { return size_t{2} * kKvBlock * kv_groups(head_dim); }
constexpr size_t kv_packed_bytes(KvType type, uint32_t dims) noexcept {
  return type == KvType::q4 ? (dims + 1) / 2 : dims;
}

// Bytes of a block of keys or of values of one head.
constexpr size_t kv_block_bytes(KvType type, uint32_t head_dim) noexcept {
  switch (type) {
    case KvType::f16: return size_t{2} * kKvBlock * head_dim;
    case KvType::f32: return size_t{4} * kKvBlock * head_dim;
    case KvType::q8:
    case KvType::q4: break;
  }
  return kv_scale_bytes(head_dim) + kKvBlock * kv_packed_bytes(type, head_dim);
}

}  // namespace runnel
