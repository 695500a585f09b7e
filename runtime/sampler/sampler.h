// Picks the next token: a pure function of the logits, the recent tokens, the options and the generator's state.
//
//   penalties -> top_k -> temperature -> top_p -> min_p -> draw
//
// Probabilities are integers in units of 2^-40 of the likeliest token's, so the choice of what to keep and the draw are
// exact, and the same on every platform for the same logits. Time is O(vocabulary); nothing is sorted, and tokens that
// no draw can fall on are left out first. Ownership: owns its scratch, allocated by init(). Thread rule: one thread at
// a time.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/vector/vector.h"
#include "runnel/array.h"
#include "runnel/options.h"
#include "runnel/status.h"
#include "runtime/sampler/generator.h"

namespace runnel {

// invalid_argument names the first option that is out of its range (options.h).
Status check_sampler_options(const SamplerOptions& options) noexcept;

class Sampler {
 public:
  static constexpr uint32_t kMaxPenaltyTokens = 4096;

  Status init(uint32_t vocab_size) noexcept;  // once; unsupported above 2^23 tokens, out_of_memory

  // `recent` are the tokens before, oldest first; the last options.penalty_tokens of them count. One number is drawn
  // from *generator when temperature > 0, none otherwise. Allocates nothing. Statuses: invalid_argument (options),
  // internal (a logit that is NaN or infinite upwards, or all of them minus infinity; the message says which).
  // Requires: logits.size() == vocab_size.
  Result<int32_t> pick(std::span<const float> logits, std::span<const int32_t> recent, const SamplerOptions& options,
                       Generator* generator) noexcept;

  static uint64_t scratch_bytes(uint32_t vocab_size) noexcept;

 private:
  // Once, by the first pick that uses them: how much of the lists a pick fills differs from step to step.
  void back_lists() noexcept;
  void penalise(std::span<const float> logits, std::span<const int32_t> recent, const SamplerOptions& options) noexcept;
  int32_t draw(std::span<const float> logits, float largest, const SamplerOptions& options,
               Generator* generator) noexcept;
  // Of the first `count` candidates leaves those that stay by keeps(i); returns how many.
  template <class Keeps>
  uint32_t keep(uint32_t count, const Keeps& keeps) noexcept;

  const VectorOps* vector_ = nullptr;
  bool lists_backed_ = false;
  Array<float> block_largest_;  // of each block of logits
  Array<float> ranking_;        // the same, to be reordered
  // Candidates, by ascending id.
  Array<float> values_;      // logits; before that all logits after penalties
  Array<uint32_t> ids_;      // tokens
  Array<uint64_t> weights_;  // probabilities, in units of 2^-40 of the largest
  Array<uint64_t> bins_;     // select_cut's
  Array<int32_t> seen_;      // recent tokens, sorted
};

}  // namespace runnel
