// q8g32 activations times panels of k-quants (k_panels.h) and of GGUF's other types (g32_panels.h): one template for
// every instruction set.
//
// Ops says how lanes multiply and add; a panel's 16 rows are kParts registers of it:
//   U, I, F              lanes of uint32, int32 and float, one lane a row
//   Q, broadcast(q)      four activations at q for every lane
//   kSums16              products are first summed in 16 bits: multiply, add and join below; otherwise dot
//   dot(I, U, Q)         adds four products to each lane; the weights are bytes 0..63
//   S, multiply(U, Q)    four products in each lane as two 16-bit sums; add(S, U, Q)
//   join(I, S, U scales) adds a lane's two 16-bit sums, each times the int16 in its half of `scales`
//   pair_dot(U, halves)  the two int16 of a lane times halves[0] and halves[1]
//   levels(U)            the levels (kernels/dtypes/iq4_levels.h) of a lane's four indices, as bytes that dot() takes,
//                        kLevelsOffset too large
//   fma(F, F, F), to_float(I), load_halves(const uint8_t*), splat(float)
//
// A group's dot product is an exact integer, its scale included where a group has two (Q6_K). Each output adds its
// groups in ascending order, one fused multiply-add each and one for the minimum, so that a row's bits depend neither
// on the tokens beside it nor on the instruction set.
#pragma once

#include "kernels/matmul/k_panels.h"
#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

template <class Block, int kTokens>
using KLhs = LhsTile<int8_t, kTokens, Block::kGroups>;

// The scale of a group and its minimum, where it has those. Exact: a float16 times an integer of 8 bits.
template <class Ops, class Block>
static inline typename Ops::F k_scale(const uint8_t* block, [[maybe_unused]] int g, int part) noexcept {
  if constexpr (Block::kGroups == 1) {
    return Ops::load_halves(block, part);
  } else {
    const auto scale = Block::template scale<typename Ops::U>(block, g, part);
    return Ops::to_float(Ops::as_signed(scale)) * Ops::load_halves(block, part);
  }
}
template <class Ops, class Block>
static inline typename Ops::F k_minimum(const uint8_t* block, [[maybe_unused]] int g, int part) noexcept {
  if constexpr (Block::kGroups == 1) {
    return Ops::load_halves(block + Block::kMinima, part);
  } else {
    const auto minimum = Block::template minimum<typename Ops::U>(block, g, part);
    return Ops::to_float(Ops::as_signed(minimum)) * -Ops::load_halves(block + Block::kMinima, part);
  }
}

// k 4j .. 4j+3 of a group, ready to multiply, and how much too large they are.
template <class Ops, class Block>
static inline typename Ops::U k_weights(const uint8_t* block, int g, int j, int part) noexcept {
  const auto weights = Block::template weights<typename Ops::U>(block, g, j, part);
  if constexpr (Block::kLevels) {
    return Ops::levels(weights);
  } else {
    return weights;
  }
}
template <class Ops, class Block>
static constexpr int k_offset() noexcept {
  if constexpr (Block::kLevels) {
    return Ops::kLevelsOffset;
  } else {
    return Block::kOffset;
  }
}

// Group sums of every token and part, in 32 bits.
template <class Ops, int kTokens>
struct KDots {
  typename Ops::I at[kTokens][Ops::kParts];
};

// 16-bit sums that last a whole group: at most 8 * 2 * 15 * 127.
template <class Ops, class Block, int kTokens>
static inline void k_dots_by_group(const uint8_t* block, int g, const KLhs<Block, kTokens>& lhs,
                                   KDots<Ops, kTokens>& dots) noexcept {
  typename Ops::S sums[kTokens][Ops::kParts] = {};
  for (int j = 0; j < 8; ++j) {
    typename Ops::U w[Ops::kParts];
    for (int p = 0; p < Ops::kParts; ++p) w[p] = k_weights<Ops, Block>(block, g, j, p);
    for (int t = 0; t < kTokens; ++t) {
      const auto activations = Ops::broadcast(lhs.value(t, 4 * j));
      for (int p = 0; p < Ops::kParts; ++p) sums[t][p] = Ops::add(sums[t][p], w[p], activations);
    }
  }
  for (int t = 0; t < kTokens; ++t)
    for (int p = 0; p < Ops::kParts; ++p) dots.at[t][p] = Ops::join(dots.at[t][p], sums[t][p], Ops::ones());
}

// 16-bit sums of two vectors: at most 2 * 2 * 63 * 127. scales[h]: of half h of the group.
template <class Ops, class Block, int kTokens>
static inline void k_dots_by_pair(const uint8_t* block, int g, const KLhs<Block, kTokens>& lhs,
                                  const typename Ops::U (*scales)[Ops::kParts], KDots<Ops, kTokens>& dots) noexcept {
  for (int j = 0; j < 8; j += 2) {
    typename Ops::U w[2][Ops::kParts];
    for (int i = 0; i < 2; ++i)
      for (int p = 0; p < Ops::kParts; ++p) w[i][p] = k_weights<Ops, Block>(block, g, j + i, p);
    for (int t = 0; t < kTokens; ++t) {
      const auto first = Ops::broadcast(lhs.value(t, 4 * j)), second = Ops::broadcast(lhs.value(t, 4 * j + 4));
      for (int p = 0; p < Ops::kParts; ++p) {
        const auto sums = Ops::add(Ops::multiply(w[0][p], first), w[1][p], second);
        dots.at[t][p] = Ops::join(dots.at[t][p], sums, scales[j / 4][p]);
      }
    }
  }
}

// 32-bit sums at once.
template <class Ops, class Block, int kTokens>
static inline void k_dots_direct(const uint8_t* block, int g, int begin, int end, const KLhs<Block, kTokens>& lhs,
                                 KDots<Ops, kTokens>& dots) noexcept {
  for (int j = begin; j < end; ++j) {
    typename Ops::U w[Ops::kParts];
    for (int p = 0; p < Ops::kParts; ++p) w[p] = k_weights<Ops, Block>(block, g, j, p);
    for (int t = 0; t < kTokens; ++t) {
      const auto activations = Ops::broadcast(lhs.value(t, 4 * j));
      for (int p = 0; p < Ops::kParts; ++p) dots.at[t][p] = Ops::dot(dots.at[t][p], w[p], activations);
    }
  }
}

// Groups with one scale.
template <class Ops, class Block, int kTokens>
static inline void k_group_of_one_scale(const uint8_t* block, int g, const KLhs<Block, kTokens>& lhs,
                                        typename Ops::F (*total)[Ops::kParts]) noexcept {
  using U = typename Ops::U;
  KDots<Ops, kTokens> dots = {};
  constexpr int kOffset = k_offset<Ops, Block>();
  if constexpr (kOffset != 0) {
    for (int t = 0; t < kTokens; ++t) {
      const typename Ops::I start = typename Ops::I{} + lhs.start(t) * (kOffset / 8);
      for (int p = 0; p < Ops::kParts; ++p) dots.at[t][p] = start;
    }
  }
  if constexpr (!Ops::kSums16 || Block::kLevels) {
    k_dots_direct<Ops, Block, kTokens>(block, g, 0, 8, lhs, dots);
  } else if constexpr (Block::kMost <= 15) {
    k_dots_by_group<Ops, Block, kTokens>(block, g, lhs, dots);
  } else {
    U ones[2][Ops::kParts];
    for (auto& half : ones)
      for (U& part : half) part = Ops::ones();
    k_dots_by_pair<Ops, Block, kTokens>(block, g, lhs, ones, dots);
  }
  for (int p = 0; p < Ops::kParts; ++p) {
    const auto scale = k_scale<Ops, Block>(block, g, p);
    for (int t = 0; t < kTokens; ++t)
      total[t][p] = Ops::fma(Ops::to_float(dots.at[t][p]), scale * Ops::splat(lhs.scale(t)), total[t][p]);
    if constexpr (Block::kMinima != 0) {
      const auto minimum = k_minimum<Ops, Block>(block, g, p);
      for (int t = 0; t < kTokens; ++t) total[t][p] = Ops::fma(minimum, Ops::splat(lhs.weighted(t)), total[t][p]);
    }
  }
}

// Groups whose halves have integer scales of their own, and an offset (Q3_K and Q6_K) or integer minima (Q2_K).
template <class Ops, class Block, int kTokens>
static inline void k_group_of_halves(const uint8_t* block, int g, const KLhs<Block, kTokens>& lhs,
                                     typename Ops::F (*total)[Ops::kParts]) noexcept {
  using U = typename Ops::U;
  using I = typename Ops::I;
  KDots<Ops, kTokens> dots = {};
  U both[Ops::kParts];
  for (int p = 0; p < Ops::kParts; ++p) both[p] = Block::template scales<U>(block, g, p);
  if constexpr (Ops::kSums16) {
    U scales[2][Ops::kParts];
    for (int p = 0; p < Ops::kParts; ++p) {
      scales[0][p] = (both[p] & 0xffffu) | both[p] << 16;
      scales[1][p] = (both[p] & 0xffff0000u) | both[p] >> 16;
    }
    k_dots_by_pair<Ops, Block, kTokens>(block, g, lhs, scales, dots);
  } else {
    for (int half = 0; half < 2; ++half) {
      KDots<Ops, kTokens> part = {};
      k_dots_direct<Ops, Block, kTokens>(block, g, 4 * half, 4 * half + 4, lhs, part);
      for (int p = 0; p < Ops::kParts; ++p) {
        const I scale = Ops::as_signed(half == 0 ? both[p] << 16 : both[p]) >> 16;
        for (int t = 0; t < kTokens; ++t) dots.at[t][p] += part.at[t][p] * scale;
      }
    }
  }
  for (int p = 0; p < Ops::kParts; ++p) {
    const auto scale = Ops::load_halves(block, p);
    for (int t = 0; t < kTokens; ++t) {
      I dot = dots.at[t][p];
      if constexpr (Block::kOffset != 0) dot -= Ops::pair_dot(both[p], lhs.halves(t)) * Block::kOffset;
      total[t][p] = Ops::fma(Ops::to_float(dot), scale * Ops::splat(lhs.scale(t)), total[t][p]);
    }
    if constexpr (Block::kMinima != 0) {
      const auto minimum = -Ops::load_halves(block + Block::kMinima, p);
      const U minima = Block::template minima<U>(block, g, p);
      for (int t = 0; t < kTokens; ++t) {
        const I dot = Ops::pair_dot(minima, lhs.halves(t));
        total[t][p] = Ops::fma(Ops::to_float(dot), minimum * Ops::splat(lhs.scale(t)), total[t][p]);
      }
    }
  }
}

// total += one group's share of the outputs.
template <class Ops, class Block, int kTokens>
static inline void add_k_group(const uint8_t* block, int g, const KLhs<Block, kTokens>& lhs,
                               typename Ops::F (*total)[Ops::kParts]) noexcept {
  if constexpr (Block::kHalfGroups) {
    k_group_of_halves<Ops, Block, kTokens>(block, g, lhs, total);
  } else {
    k_group_of_one_scale<Ops, Block, kTokens>(block, g, lhs, total);
  }
}

// Columns [0, columns) of a row, at most a panel's.
template <class Total>
static inline void store_panel(const Total& total, uint32_t columns, float* dst) noexcept {
  if (columns == kPanelRows) {
    __builtin_memcpy(dst, total, kPanelRows * sizeof(float));
  } else {
    __builtin_memcpy(dst, total, columns * sizeof(float));
  }
}

template <class Ops, class Block, int kTokens>
static void multiply_k_panels(const MatmulArgs& a) noexcept {
  // Bytes. Few rows stream their weights from memory; in a tall tile (4 rows and more) they are in cache.
  constexpr size_t kAhead = kTokens < 4 ? 2048 : 0;
  const uint8_t* block = static_cast<const uint8_t*>(a.rhs);
  for (uint32_t column = 0; column < a.n; column += kPanelRows) {
    KLhs<Block, kTokens> lhs(a);
    typename Ops::F total[kTokens][Ops::kParts] = {};
    for (uint32_t b = 0; b < a.blocks; ++b, block += Block::kBytes) {
      for (int g = 0; g < Block::kGroups; ++g, lhs.advance()) {
        if constexpr (kAhead != 0) {
          constexpr size_t kShare = Block::kBytes / Block::kGroups;
          for (size_t at = 0; at < kShare; at += 64) __builtin_prefetch(block + kAhead + size_t(g) * kShare + at);
        }
        add_k_group<Ops, Block, kTokens>(block, g, lhs, total);
      }
    }
    const uint32_t columns = a.n - column < kPanelRows ? a.n - column : kPanelRows;
    for (int t = 0; t < kTokens; ++t) store_panel(total[t], columns, dst_row(a, static_cast<uint32_t>(t), column));
  }
}

// One row (decode): up to four panels at a time, as many streams from memory, which keeps more of it on its way.
// Panels are not unrolled, and their sums wait in first-level cache.
template <class Ops, class Block>
[[maybe_unused]] static void multiply_k_row(const MatmulArgs& a) noexcept {
  constexpr size_t kAhead = 2048;  // bytes of each stream
  constexpr size_t kShare = Block::kBytes / Block::kGroups;
  constexpr uint32_t kRowPanels = 4;
  const size_t panel_bytes = size_t{a.blocks} * Block::kBytes;
  const auto* first = static_cast<const uint8_t*>(a.rhs);
  for (uint32_t column = 0; column < a.n; column += kRowPanels * kPanelRows, first += kRowPanels * panel_bytes) {
    const uint32_t left = (a.n - column + kPanelRows - 1) / kPanelRows, panels = left < kRowPanels ? left : kRowPanels;
    const uint8_t* block = first;
    KLhs<Block, 1> lhs(a);
    typename Ops::F total[kRowPanels][1][Ops::kParts] = {};
    for (uint32_t b = 0; b < a.blocks; ++b, block += Block::kBytes) {
      for (int unrolled = 0; unrolled < Block::kGroups; unrolled += Block::kUnrolled) {
#pragma GCC unroll 8
        for (int g = unrolled; g < unrolled + Block::kUnrolled; ++g, lhs.advance()) {
          const uint8_t* at = block;
          for (uint32_t p = 0; p < panels; ++p, at += panel_bytes) {
            for (size_t line = 0; line < kShare; line += 64)
              __builtin_prefetch(at + kAhead + static_cast<size_t>(g) * kShare + line);
            add_k_group<Ops, Block, 1>(at, g, lhs, total[p]);
          }
        }
      }
    }
    for (uint32_t p = 0; p < panels; ++p) {
      const uint32_t at = column + p * kPanelRows, columns = a.n - at < kPanelRows ? a.n - at : kPanelRows;
      store_panel(total[p][0], columns, a.dst + at);
    }
  }
}

// 1 to kMr tokens. kRow: the row of matmul.inc for one.
template <class Ops, class Block, int kMr, MatmulFn kRow>
[[maybe_unused]] static void multiply_k_tile(const MatmulArgs& a) noexcept {
  if constexpr (kMr == 1) {
    kRow(a);
  } else if (a.m < static_cast<uint32_t>(kMr)) {
    multiply_k_tile<Ops, Block, kMr - 1, kRow>(a);
  } else {
    multiply_k_panels<Ops, Block, kMr>(a);
  }
}

}  // namespace
}  // namespace runnel
