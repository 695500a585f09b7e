// The loops of single_neon_dotprod.h over the groups of two panels, q4g32's or q8g32's, in assembly: why,
// tall_sdot_loop.h says. Two panels share the activations, and are two streams from memory.
//
//   v0-v3, v4-v7      integer sums of the first and the second panel's 16 rows
//   v8, v9            activations: k 0 .. 15, k 16 .. 31
//   v10, v11          15 in each byte; the activations' scale
//   v12-v15, v16-v19  two vectors of weights; then both panels' scales (v12-v15)
//   v20-v23           bytes of nibbles; then the rows' scales
#pragma once

#include <arm_neon.h>

#include "kernels/matmul/packed_blocks.h"

namespace runnel {
namespace {

// clang-format off
#define RUNNEL_NIBBLES_HALF(a, b, sum_a, sum_b, lane, load) \
  "and v20.16b, v" #a ".16b, v10.16b\n"                     \
  "ushr v21.16b, v" #a ".16b, #4\n"                         \
  "and v22.16b, v" #b ".16b, v10.16b\n"                     \
  "ushr v23.16b, v" #b ".16b, #4\n"                         \
  load "\n"                                                 \
  "sdot v" #sum_a ".4s, v20.16b, v8.4b[" #lane "]\n"        \
  "sdot v" #sum_b ".4s, v22.16b, v8.4b[" #lane "]\n"        \
  "sdot v" #sum_a ".4s, v21.16b, v9.4b[" #lane "]\n"        \
  "sdot v" #sum_b ".4s, v23.16b, v9.4b[" #lane "]\n"

// A vector of 16 rows, 4 k in the low nibbles and 4 in the high ones.
#define RUNNEL_NIBBLES_FIRST(lane, sum_0, sum_1, sum_2, sum_3, load_0, load_2) \
  RUNNEL_NIBBLES_HALF(12, 13, sum_0, sum_1, lane, load_0)                      \
  RUNNEL_NIBBLES_HALF(14, 15, sum_2, sum_3, lane, load_2)
#define RUNNEL_NIBBLES_NEXT(lane, sum_0, sum_1, sum_2, sum_3, load_0, load_2) \
  RUNNEL_NIBBLES_HALF(16, 17, sum_0, sum_1, lane, load_0)                     \
  RUNNEL_NIBBLES_HALF(18, 19, sum_2, sum_3, lane, load_2)

// A vector of 16 rows, 4 k of activations v8 or v9.
#define RUNNEL_BYTES(w0, w1, w2, w3, q, lane, sum_0, sum_1, sum_2, sum_3, load_0, load_2) \
  "sdot v" #sum_0 ".4s, v" #w0 ".16b, v" #q ".4b[" #lane "]\n"                            \
  load_0 "\n"                                                                             \
  "sdot v" #sum_1 ".4s, v" #w1 ".16b, v" #q ".4b[" #lane "]\n"                            \
  "sdot v" #sum_2 ".4s, v" #w2 ".16b, v" #q ".4b[" #lane "]\n"                            \
  load_2 "\n"                                                                             \
  "sdot v" #sum_3 ".4s, v" #w3 ".16b, v" #q ".4b[" #lane "]\n"
#define RUNNEL_BYTES_FIRST(q, lane, sum_0, sum_1, sum_2, sum_3, load_0, load_2) \
  RUNNEL_BYTES(12, 13, 14, 15, q, lane, sum_0, sum_1, sum_2, sum_3, load_0, load_2)
#define RUNNEL_BYTES_NEXT(q, lane, sum_0, sum_1, sum_2, sum_3, load_0, load_2) \
  RUNNEL_BYTES(16, 17, 18, 19, q, lane, sum_0, sum_1, sum_2, sum_3, load_0, load_2)
// The 8 vectors of a panel's group; the first one is there, `load_0` and `load_2` come with the last.
#define RUNNEL_BYTES_GROUP(panel, s0, s1, s2, s3, load_0, load_2)                                                      \
  RUNNEL_BYTES_FIRST(8, 0, s0, s1, s2, s3, "ldp q16, q17, [" panel ", #96]", "ldp q18, q19, [" panel ", #128]")        \
  RUNNEL_BYTES_NEXT(8, 1, s0, s1, s2, s3, "ldp q12, q13, [" panel ", #160]", "ldp q14, q15, [" panel ", #192]")        \
  RUNNEL_BYTES_FIRST(8, 2, s0, s1, s2, s3, "ldp q16, q17, [" panel ", #224]", "ldp q18, q19, [" panel ", #256]")       \
  RUNNEL_BYTES_NEXT(8, 3, s0, s1, s2, s3, "ldp q12, q13, [" panel ", #288]", "ldp q14, q15, [" panel ", #320]")        \
  RUNNEL_BYTES_FIRST(9, 0, s0, s1, s2, s3, "ldp q16, q17, [" panel ", #352]", "ldp q18, q19, [" panel ", #384]")       \
  RUNNEL_BYTES_NEXT(9, 1, s0, s1, s2, s3, "ldp q12, q13, [" panel ", #416]", "ldp q14, q15, [" panel ", #448]")        \
  RUNNEL_BYTES_FIRST(9, 2, s0, s1, s2, s3, "ldp q16, q17, [" panel ", #480]", "ldp q18, q19, [" panel ", #512]")       \
  RUNNEL_BYTES_NEXT(9, 3, s0, s1, s2, s3, load_0, load_2)

#define RUNNEL_PANEL_JOIN(scales, more_scales, sum_0, sum_1, sum_2, sum_3, panel) \
  "fcvtl v20.4s, v" #scales ".4h\n"                                                 \
  "fcvtl2 v21.4s, v" #scales ".8h\n"                                                \
  "fcvtl v22.4s, v" #more_scales ".4h\n"                                            \
  "fcvtl2 v23.4s, v" #more_scales ".8h\n"                                           \
  "scvtf v" #sum_0 ".4s, v" #sum_0 ".4s\n"                                          \
  "scvtf v" #sum_1 ".4s, v" #sum_1 ".4s\n"                                          \
  "scvtf v" #sum_2 ".4s, v" #sum_2 ".4s\n"                                          \
  "scvtf v" #sum_3 ".4s, v" #sum_3 ".4s\n"                                          \
  "fmul v20.4s, v20.4s, v11.s[0]\n"                                                 \
  "fmul v21.4s, v21.4s, v11.s[0]\n"                                                 \
  "fmul v22.4s, v22.4s, v11.s[0]\n"                                                 \
  "fmul v23.4s, v23.4s, v11.s[0]\n"                                                 \
  "fmla %[" #panel "0].4s, v" #sum_0 ".4s, v20.4s\n"                                \
  "fmla %[" #panel "1].4s, v" #sum_1 ".4s, v21.4s\n"                                \
  "fmla %[" #panel "2].4s, v" #sum_2 ".4s, v22.4s\n"                                \
  "fmla %[" #panel "3].4s, v" #sum_3 ".4s, v23.4s\n"

#define RUNNEL_PANELS_END                   \
  "ldr s11, [%[scale]], #4\n"               \
  RUNNEL_PANEL_JOIN(12, 13, 0, 1, 2, 3, a)  \
  RUNNEL_PANEL_JOIN(14, 15, 4, 5, 6, 7, b)  \
  "subs %w[groups], %w[groups], #1\n"       \
  "b.ne 1b\n"
#define RUNNEL_PANELS_OPERANDS                                                                   \
  [a] "+r"(a), [b] "+r"(b), [q] "+r"(q), [scale] "+r"(scale), [groups] "+r"(groups),             \
  [a0] "+w"(a0), [a1] "+w"(a1), [a2] "+w"(a2), [a3] "+w"(a3),                                    \
  [b0] "+w"(b0), [b1] "+w"(b1), [b2] "+w"(b2), [b3] "+w"(b3)
#define RUNNEL_PANELS_CLOBBERS                                                                                 \
  "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",      \
  "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23"
// clang-format on

// totals[i] = 4 rows each of panels a and b times x. Requires: groups > 0.
template <class Block>
static inline void two_panels(const uint8_t* a, const uint8_t* b, const LhsRow<int8_t>& x, uint32_t groups,
                              float32x4_t (&totals)[8]) noexcept {
  static_assert(Block::kVectors == 32 && !Block::kMinima);
  const int8_t* q = x.q;
  const float* scale = x.scale;
  const int32_t* start = x.start;
  float32x4_t a0 = {}, a1 = {}, a2 = {}, a3 = {}, b0 = {}, b1 = {}, b2 = {}, b3 = {};
  // clang-format off
  if constexpr (Block::kNibbles) {
    static_assert(Block::kBytes == 288 && Block::kOffset);
    __asm__("movi v10.16b, #15\n"
            "1:\n"
            "ldp q12, q13, [%[a], #32]\n"
            "ld1r {v0.4s}, [%[start]], #4\n"
            "ldp q14, q15, [%[a], #64]\n"
            "ldp q8, q9, [%[q]], #32\n"
            "mov v1.16b, v0.16b\n"
            "mov v2.16b, v0.16b\n"
            "mov v3.16b, v0.16b\n"
            "mov v4.16b, v0.16b\n"
            "mov v5.16b, v0.16b\n"
            "mov v6.16b, v0.16b\n"
            "mov v7.16b, v0.16b\n"
            RUNNEL_NIBBLES_FIRST(0, 0, 1, 2, 3, "ldp q16, q17, [%[a], #96]", "ldp q18, q19, [%[a], #128]")
            RUNNEL_NIBBLES_NEXT(1, 0, 1, 2, 3, "ldp q12, q13, [%[a], #160]", "ldp q14, q15, [%[a], #192]")
            RUNNEL_NIBBLES_FIRST(2, 0, 1, 2, 3, "ldp q16, q17, [%[a], #224]", "ldp q18, q19, [%[a], #256]")
            RUNNEL_NIBBLES_NEXT(3, 0, 1, 2, 3, "ldp q12, q13, [%[b], #32]", "ldp q14, q15, [%[b], #64]")
            RUNNEL_NIBBLES_FIRST(0, 4, 5, 6, 7, "ldp q16, q17, [%[b], #96]", "ldp q18, q19, [%[b], #128]")
            RUNNEL_NIBBLES_NEXT(1, 4, 5, 6, 7, "ldp q12, q13, [%[b], #160]", "ldp q14, q15, [%[b], #192]")
            RUNNEL_NIBBLES_FIRST(2, 4, 5, 6, 7, "ldp q16, q17, [%[b], #224]", "ldp q18, q19, [%[b], #256]")
            RUNNEL_NIBBLES_NEXT(3, 4, 5, 6, 7, "ldp q12, q13, [%[a]], #288", "ldp q14, q15, [%[b]], #288")
            RUNNEL_PANELS_END
            : RUNNEL_PANELS_OPERANDS, [start] "+r"(start)
            :
            : RUNNEL_PANELS_CLOBBERS);
  } else {
    static_assert(Block::kBytes == 544);
    __asm__("1:\n"
            "ldp q12, q13, [%[a], #32]\n"
            "movi v0.2d, #0\n"
            "movi v1.2d, #0\n"
            "ldp q14, q15, [%[a], #64]\n"
            "ldp q8, q9, [%[q]], #32\n"
            "movi v2.2d, #0\n"
            "movi v3.2d, #0\n"
            "movi v4.2d, #0\n"
            "movi v5.2d, #0\n"
            "movi v6.2d, #0\n"
            "movi v7.2d, #0\n"
            RUNNEL_BYTES_GROUP("%[a]", 0, 1, 2, 3, "ldp q12, q13, [%[b], #32]", "ldp q14, q15, [%[b], #64]")
            RUNNEL_BYTES_GROUP("%[b]", 4, 5, 6, 7, "ldp q12, q13, [%[a]]", "ldp q14, q15, [%[b]]")
            "add %[a], %[a], #544\n"
            "add %[b], %[b], #544\n"
            RUNNEL_PANELS_END
            : RUNNEL_PANELS_OPERANDS
            :
            : RUNNEL_PANELS_CLOBBERS);
  }
  // clang-format on
  const float32x4_t all[8] = {a0, a1, a2, a3, b0, b1, b2, b3};
  for (int i = 0; i < 8; ++i) totals[i] = all[i];
}

#undef RUNNEL_PANELS_CLOBBERS
#undef RUNNEL_PANELS_OPERANDS
#undef RUNNEL_PANELS_END
#undef RUNNEL_BYTES_GROUP
#undef RUNNEL_BYTES_NEXT
#undef RUNNEL_BYTES_FIRST
#undef RUNNEL_BYTES
#undef RUNNEL_PANEL_JOIN
#undef RUNNEL_NIBBLES_NEXT
#undef RUNNEL_NIBBLES_FIRST
#undef RUNNEL_NIBBLES_HALF

}  // namespace
}  // namespace runnel
