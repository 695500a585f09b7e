// The loop of tall_dots_neon_dotprod.h over the groups of a tile, 8 rows by 4 tokens, in assembly.
//
// Why: the order of its instructions is most of what it costs on cores that run in order. Each pair of weights is
// loaded while the pair before it is multiplied, a half's activations while the last ones of the half before are, the
// next group's first ones while the sums are joined. GCC 12 brings the same intrinsics into an order of its own.
//
//   v0-v3    16 activations of each token; then the tokens' scales (v0) and products of scales
//   v4-v7    two pairs of weights, 4 bytes of 4 rows each; then the rows' scales (v4, v5)
//   v8-v15   integer sums: rows 0-3 and 4-7 of token 0, of token 1, ...
// Sums are cleared by `movi v.2d`, which larger cores do as they rename, without a pipe.
#pragma once

#include "kernels/matmul/tall_neon.h"

namespace runnel {
namespace {

// clang-format off
#define RUNNEL_SDOT(sum, w, q, lane) "sdot v" #sum ".4s, v" #w ".16b, v" #q ".4b[" #lane "]\n"

// 4 k of 8 rows by 4 tokens; in the last step of a half token by token, since the activations' registers are free then.
#define RUNNEL_SDOT_STEP(first, last, lane, load)                 \
  RUNNEL_SDOT(8, first, 0, lane)                                  \
  load "\n"                                                       \
  RUNNEL_SDOT(10, first, 1, lane) RUNNEL_SDOT(12, first, 2, lane) \
  RUNNEL_SDOT(14, first, 3, lane) RUNNEL_SDOT(9, last, 0, lane)   \
  RUNNEL_SDOT(11, last, 1, lane) RUNNEL_SDOT(13, last, 2, lane)   \
  RUNNEL_SDOT(15, last, 3, lane)
#define RUNNEL_SDOT_LAST_STEP(first, last, load, load_0_1, load_2_3) \
  RUNNEL_SDOT(8, first, 0, 3)                                        \
  load "\n"                                                          \
  RUNNEL_SDOT(9, last, 0, 3) RUNNEL_SDOT(10, first, 1, 3)            \
  RUNNEL_SDOT(11, last, 1, 3)                                        \
  load_0_1 "\n"                                                      \
  RUNNEL_SDOT(12, first, 2, 3) RUNNEL_SDOT(13, last, 2, 3)           \
  RUNNEL_SDOT(14, first, 3, 3) RUNNEL_SDOT(15, last, 3, 3)           \
  load_2_3 "\n"

// 4 rows by 4 tokens: t0i .. t3i += sums * (row scales * token scale).
#define RUNNEL_SDOT_JOIN(scale, sum_0, sum_1, sum_2, sum_3, i, fraction) \
  "fmul v1.4s, v" #scale ".4s, v0.s[0]\n"                                \
  "fmul v2.4s, v" #scale ".4s, v0.s[1]\n"                                \
  "fmul v3.4s, v" #scale ".4s, v0.s[2]\n"                                \
  "fmul v6.4s, v" #scale ".4s, v0.s[3]\n"                                \
  "scvtf v" #sum_0 ".4s, v" #sum_0 ".4s" fraction "\n"                   \
  "scvtf v" #sum_1 ".4s, v" #sum_1 ".4s" fraction "\n"                   \
  "scvtf v" #sum_2 ".4s, v" #sum_2 ".4s" fraction "\n"                   \
  "scvtf v" #sum_3 ".4s, v" #sum_3 ".4s" fraction "\n"                   \
  "fmla %[t0" #i "].4s, v" #sum_0 ".4s, v1.4s\n"                         \
  "fmla %[t1" #i "].4s, v" #sum_1 ".4s, v2.4s\n"                         \
  "fmla %[t2" #i "].4s, v" #sum_2 ".4s, v3.4s\n"                         \
  "fmla %[t3" #i "].4s, v" #sum_3 ".4s, v6.4s\n"

#define RUNNEL_SDOT_MINIMA           \
  "ldr q0, [%[x], %[sums]]\n"        \
  "ldp q6, q7, [%[w], %[minima]]\n"  \
  "fmla %[t00].4s, v6.4s, v0.s[0]\n" \
  "fmla %[t10].4s, v6.4s, v0.s[1]\n" \
  "fmla %[t20].4s, v6.4s, v0.s[2]\n" \
  "fmla %[t30].4s, v6.4s, v0.s[3]\n" \
  "fmla %[t01].4s, v7.4s, v0.s[0]\n" \
  "fmla %[t11].4s, v7.4s, v0.s[1]\n" \
  "fmla %[t21].4s, v7.4s, v0.s[2]\n" \
  "fmla %[t31].4s, v7.4s, v0.s[3]\n"

// fraction: ", #4" where the weights are 16 times too large. minima_of_rows: RUNNEL_SDOT_MINIMA or nothing.
#define RUNNEL_SDOT_LOOP(fraction, minima_of_rows)                                                           \
  __asm__("ldp q0, q1, [%[x]]\n"                                                                             \
          "ldp q2, q3, [%[x], #32]\n"                                                                        \
          "ldp q4, q5, [%[w]]\n"                                                                             \
          "1:\n"                                                                                             \
          "movi v8.2d, #0\n"                                                                                 \
          "movi v9.2d, #0\n"                                                                                 \
          "movi v10.2d, #0\n"                                                                                \
          "movi v11.2d, #0\n"                                                                                \
          "movi v12.2d, #0\n"                                                                                \
          "movi v13.2d, #0\n"                                                                                \
          "movi v14.2d, #0\n"                                                                                \
          "movi v15.2d, #0\n"                                                                                \
          RUNNEL_SDOT_STEP(4, 5, 0, "ldp q6, q7, [%[w], #32]")                                               \
          RUNNEL_SDOT_STEP(6, 7, 1, "ldp q4, q5, [%[w], #64]")                                               \
          RUNNEL_SDOT_STEP(4, 5, 2, "ldp q6, q7, [%[w], #96]")                                               \
          RUNNEL_SDOT_LAST_STEP(6, 7, "ldp q4, q5, [%[w], #128]", "ldp q0, q1, [%[x], #64]",                 \
                                "ldp q2, q3, [%[x], #96]")                                                   \
          RUNNEL_SDOT_STEP(4, 5, 0, "ldp q6, q7, [%[w], #160]")                                              \
          RUNNEL_SDOT_STEP(6, 7, 1, "ldp q4, q5, [%[w], #192]")                                              \
          RUNNEL_SDOT_STEP(4, 5, 2, "ldp q6, q7, [%[w], #224]")                                              \
          RUNNEL_SDOT_LAST_STEP(6, 7, "ldp q4, q5, [%[w], %[scales]]", "ldr q0, [%[x], %[token_scales]]", "") \
          RUNNEL_SDOT_JOIN(4, 8, 10, 12, 14, 0, fraction)                                                    \
          RUNNEL_SDOT_JOIN(5, 9, 11, 13, 15, 1, fraction)                                                    \
          minima_of_rows                                                                                     \
          "ldp q4, q5, [%[w], %[next_w]]!\n"                                                                 \
          "ldp q0, q1, [%[x], %[next_x]]!\n"                                                                 \
          "ldp q2, q3, [%[x], #32]\n"                                                                        \
          "subs %w[groups], %w[groups], #1\n"                                                                \
          "b.ne 1b\n"                                                                                        \
          : [w] "+r"(w), [x] "+r"(x), [groups] "+r"(groups),                                                 \
            [t00] "+w"(t[0][0]), [t01] "+w"(t[0][1]), [t10] "+w"(t[1][0]), [t11] "+w"(t[1][1]),              \
            [t20] "+w"(t[2][0]), [t21] "+w"(t[2][1]), [t30] "+w"(t[3][0]), [t31] "+w"(t[3][1])               \
          : [scales] "i"(offsetof(Group, scales)), [minima] "i"(offsetof(Group, minima)),                    \
            [next_w] "i"(sizeof(Group)), [token_scales] "i"(offsetof(Tokens, scale)),                        \
            [sums] "i"(offsetof(Tokens, weighted)), [next_x] "i"(sizeof(Tokens))                             \
          : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", \
            "v13", "v14", "v15")
// clang-format on

// t += groups of w times x. Reads 64 bytes beyond the last group of x, 32 beyond that of w. Requires: groups > 0.
template <class Form, class Group, class Tokens>
static inline void sdot_loop(const Group* w, const Tokens* x, uint32_t groups,
                             float32x4_t (&t)[kTileTokens][2]) noexcept {
  static_assert(Form::kFractionBits == 0 || (Form::kFractionBits == 4 && !Form::kMinima));
  if constexpr (Form::kFractionBits == 4) {
    RUNNEL_SDOT_LOOP(", #4", "");
  } else if constexpr (Form::kMinima) {
    RUNNEL_SDOT_LOOP("", RUNNEL_SDOT_MINIMA);
  } else {
    RUNNEL_SDOT_LOOP("", "");
  }
}

#undef RUNNEL_SDOT_LOOP
#undef RUNNEL_SDOT_MINIMA
#undef RUNNEL_SDOT_JOIN
#undef RUNNEL_SDOT_LAST_STEP
#undef RUNNEL_SDOT_STEP
#undef RUNNEL_SDOT

}  // namespace
}  // namespace runnel
