// How the keys or values of one head lie in a page, by storage type.
//
// They come in blocks of 16 tokens at multiples of 16 of the absolute position, whatever the page's size.
//
//   f32, f16   keys    [head_dim][token]: a load gives one dimension of 16 keys, each in a lane of its own
//              values  [token][head_dim]
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runnel/types.h"

namespace runnel {

inline constexpr uint32_t kKvBlock = 16;
inline constexpr uint32_t kMinPageShift = 4;  // a page holds whole blocks
inline constexpr uint32_t kMaxHeadDim = 512;

// Bytes of a block of keys or of values of one head.
constexpr size_t kv_block_bytes(KvType type, uint32_t head_dim) noexcept {
  return size_t{type == KvType::f32 ? 4u : 2u} * kKvBlock * head_dim;
}

}  // namespace runnel
