// Tiles of tall_avx512vnni.h: unpacked weights of any type times quantised activations. Compiled once for each form
// that unpacked weights have, not for each type: a tile of each number of tokens is 11 KB.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul/matmul.h"

namespace runnel {

inline constexpr uint32_t kTallRows = 16;     // of a panel
inline constexpr uint32_t kTallTokens = 96;   // mr of the rows made of this
inline constexpr uint32_t kChunkGroups = 16;  // whole blocks of every type

// Tiles of two panels by 6 tokens: 12 registers of integer sums, 12 of float sums. A broadcast of activations is a
// load, of which a core makes two a cycle, as many as products: with two panels each serves two.
inline constexpr int kTallPanels = 2, kTileTokens = 6;

// What the sums of a group begin at: how much too large the weights are.
enum class TallStart : uint8_t {
  zero,    // not at all
  nibble,  // by 8
  byte,    // by 128
  halves,  // by 32; each half of a group has a sum and an integer scale of its own
};

enum class TallMinima : uint8_t {
  none,
  group,
  halves,  // each half of a group has an integer minimum
};

// A group of one panel, ready to multiply. kNumbers numbers for each of 16 rows: the scale; then the two scales of the
// halves; the minimum, or what the halves' minima are multiplied with, and those as two int16.
template <TallStart kStart_, TallMinima kMinima_>
struct TallGroup {
  static constexpr TallStart kStart = kStart_;
  static constexpr TallMinima kMinima = kMinima_;
  static constexpr int kNumbers = kStart == TallStart::halves ? 3 : 1 + static_cast<int>(kMinima);
  alignas(64) uint8_t vectors[8][64];  // vector j holds k 4j .. 4j+3 of each row
  alignas(64) float numbers[kNumbers][kTallRows];
};

// A chunk of k of two panels. A last panel without a partner is its own one, of which no column is wanted.
template <class Group>
struct TallChunk {
  Group groups[kTallPanels][kChunkGroups];
  const Group* panels[kTallPanels];
  __mmask16 lanes[kTallPanels];  // columns of dst
  uint32_t column;               // the first of them
  uint32_t begin, count;         // groups of k
};

// All rows of `a` times a chunk, added to what dst holds unless it is the first chunk. a.blocks counts groups.
template <class Group>
void tall_tiles_avx512vnni(const TallChunk<Group>& chunk, const MatmulArgs& a) noexcept;

}  // namespace runnel
