// The loop of tall_dots_neon_i8mm.h over the groups of a tile, 8 rows by 4 tokens, in assembly: why, tall_sdot_loop.h
// says.
//
//   v0-v3    two steps of 8 activations, two tokens a register; then the tokens' scales (v0, v1)
//   v4-v7, v16-v19    two steps of weights, two rows a register; then the rows' scales (v4-v7)
//   v8-v11, v12-v15   integer sums of tokens 0 and 1, of tokens 2 and 3: two rows a register
//   v20-v23  products of scales
#pragma once

#include "kernels/matmul/tall_neon.h"

namespace runnel {
namespace {

// clang-format off
#define RUNNEL_SMMLA(sum, q, w) "smmla v" #sum ".4s, v" #q ".16b, v" #w ".16b\n"

// 8 k of 8 rows by 4 tokens.
#define RUNNEL_SMMLA_STEP(q0, q1, w0, w1, w2, w3, load_q, load_w0, load_w2) \
  RUNNEL_SMMLA(8, q0, w0) RUNNEL_SMMLA(12, q1, w0)                          \
  load_q "\n"                                                               \
  RUNNEL_SMMLA(9, q0, w1) RUNNEL_SMMLA(13, q1, w1)                          \
  load_w0 "\n"                                                              \
  RUNNEL_SMMLA(10, q0, w2) RUNNEL_SMMLA(14, q1, w2)                         \
  load_w2 "\n"                                                              \
  RUNNEL_SMMLA(11, q0, w3) RUNNEL_SMMLA(15, q1, w3)

// Two pairs of rows, a and b, by 4 tokens: their t += sums * (row scales * token scales).
#define RUNNEL_SMMLA_JOIN(scale_a, scale_b, sum_0a, sum_0b, sum_1a, sum_1b, a, b, fraction) \
  "fmul v20.4s, v" #scale_a ".4s, v0.4s\n"                                                  \
  "fmul v21.4s, v" #scale_a ".4s, v1.4s\n"                                                  \
  "fmul v22.4s, v" #scale_b ".4s, v0.4s\n"                                                  \
  "fmul v23.4s, v" #scale_b ".4s, v1.4s\n"                                                  \
  "scvtf v" #sum_0a ".4s, v" #sum_0a ".4s" fraction "\n"                                    \
  "scvtf v" #sum_1a ".4s, v" #sum_1a ".4s" fraction "\n"                                    \
  "scvtf v" #sum_0b ".4s, v" #sum_0b ".4s" fraction "\n"                                    \
  "scvtf v" #sum_1b ".4s, v" #sum_1b ".4s" fraction "\n"                                    \
  "fmla %[t0" #a "].4s, v" #sum_0a ".4s, v20.4s\n"                                          \
  "fmla %[t1" #a "].4s, v" #sum_1a ".4s, v21.4s\n"                                          \
  "fmla %[t0" #b "].4s, v" #sum_0b ".4s, v22.4s\n"                                          \
  "fmla %[t1" #b "].4s, v" #sum_1b ".4s, v23.4s\n"

#define RUNNEL_SMMLA_MINIMA                \
  "ldp q2, q3, [%[x], %[sums]]\n"          \
  "ldp q16, q17, [%[w], %[minima]]\n"      \
  "ldp q18, q19, [%[w], %[minima] + 32]\n" \
  "fmla %[t00].4s, v16.4s, v2.4s\n"        \
  "fmla %[t10].4s, v16.4s, v3.4s\n"        \
  "fmla %[t01].4s, v17.4s, v2.4s\n"        \
  "fmla %[t11].4s, v17.4s, v3.4s\n"        \
  "fmla %[t02].4s, v18.4s, v2.4s\n"        \
  "fmla %[t12].4s, v18.4s, v3.4s\n"        \
  "fmla %[t03].4s, v19.4s, v2.4s\n"        \
  "fmla %[t13].4s, v19.4s, v3.4s\n"

// fraction: ", #4" where the weights are 16 times too large. minima_of_rows: RUNNEL_SMMLA_MINIMA or nothing.
#define RUNNEL_SMMLA_LOOP(fraction, minima_of_rows)                                                              \
  __asm__("ldp q0, q1, [%[x]]\n"                                                                                 \
          "ldp q4, q5, [%[w]]\n"                                                                                 \
          "ldp q6, q7, [%[w], #32]\n"                                                                            \
          "1:\n"                                                                                                 \
          "movi v8.2d, #0\n"                                                                                     \
          "movi v9.2d, #0\n"                                                                                     \
          "movi v10.2d, #0\n"                                                                                    \
          "movi v11.2d, #0\n"                                                                                    \
          "movi v12.2d, #0\n"                                                                                    \
          "movi v13.2d, #0\n"                                                                                    \
          "movi v14.2d, #0\n"                                                                                    \
          "movi v15.2d, #0\n"                                                                                    \
          RUNNEL_SMMLA_STEP(0, 1, 4, 5, 6, 7, "ldp q2, q3, [%[x], #32]", "ldp q16, q17, [%[w], #64]",            \
                            "ldp q18, q19, [%[w], #96]")                                                         \
          RUNNEL_SMMLA_STEP(2, 3, 16, 17, 18, 19, "ldp q0, q1, [%[x], #64]", "ldp q4, q5, [%[w], #128]",         \
                            "ldp q6, q7, [%[w], #160]")                                                          \
          RUNNEL_SMMLA_STEP(0, 1, 4, 5, 6, 7, "ldp q2, q3, [%[x], #96]", "ldp q16, q17, [%[w], #192]",           \
                            "ldp q18, q19, [%[w], #224]")                                                        \
          RUNNEL_SMMLA_STEP(2, 3, 16, 17, 18, 19, "ldp q0, q1, [%[x], %[token_scales]]",                         \
                            "ldp q4, q5, [%[w], %[scales]]", "ldp q6, q7, [%[w], %[scales] + 32]")               \
          RUNNEL_SMMLA_JOIN(4, 5, 8, 9, 12, 13, 0, 1, fraction)                                                  \
          RUNNEL_SMMLA_JOIN(6, 7, 10, 11, 14, 15, 2, 3, fraction)                                                \
          minima_of_rows                                                                                         \
          "ldp q4, q5, [%[w], %[next_w]]!\n"                                                                     \
          "ldp q0, q1, [%[x], %[next_x]]!\n"                                                                     \
          "ldp q6, q7, [%[w], #32]\n"                                                                            \
          "subs %w[groups], %w[groups], #1\n"                                                                    \
          "b.ne 1b\n"                                                                                            \
          : [w] "+r"(w), [x] "+r"(x), [groups] "+r"(groups),                                                     \
            [t00] "+w"(t[0][0]), [t01] "+w"(t[0][1]), [t02] "+w"(t[0][2]), [t03] "+w"(t[0][3]),                  \
            [t10] "+w"(t[1][0]), [t11] "+w"(t[1][1]), [t12] "+w"(t[1][2]), [t13] "+w"(t[1][3])                   \
          : [scales] "i"(offsetof(Group, scales)), [minima] "i"(offsetof(Group, minima)),                        \
            [next_w] "i"(sizeof(Group)), [token_scales] "i"(offsetof(Tokens, scale)),                            \
            [sums] "i"(offsetof(Tokens, weighted)), [next_x] "i"(sizeof(Tokens))                                 \
          : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12",     \
            "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23")
// clang-format on

// t += groups of w times x. Reads 32 bytes beyond the last group of x, 64 beyond that of w. Requires: groups > 0.
template <class Form, class Group, class Tokens>
static inline void smmla_loop(const Group* w, const Tokens* x, uint32_t groups,
                              float32x4_t (&t)[kTileTokens / 2][4]) noexcept {
  static_assert(Form::kFractionBits == 0 || (Form::kFractionBits == 4 && !Form::kMinima));
  if constexpr (Form::kFractionBits == 4) {
    RUNNEL_SMMLA_LOOP(", #4", "");
  } else if constexpr (Form::kMinima) {
    RUNNEL_SMMLA_LOOP("", RUNNEL_SMMLA_MINIMA);
  } else {
    RUNNEL_SMMLA_LOOP("", "");
  }
}

#undef RUNNEL_SMMLA_LOOP
#undef RUNNEL_SMMLA_MINIMA
#undef RUNNEL_SMMLA_JOIN
#undef RUNNEL_SMMLA_STEP
#undef RUNNEL_SMMLA

}  // namespace
}  // namespace runnel
