#include "runtime/sampler/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/simd/vec4.h"
#include "runtime/sampler/exponential.h"
#include "runtime/sampler/select.h"

namespace runnel {
namespace {

constexpr double kOne = 0x1p40;
constexpr uint32_t kMaxVocab = 1u << 23;  // 2^23 weights of 2^40 stay below 2^64

Status bad(const char* name, double value, const char* expected) noexcept {
  return Status::error(Code::invalid_argument, "sampler: %s is %g, expected %s", name, value, expected);
}

bool wants_penalties(const SamplerOptions& options) noexcept {
  return options.penalty_tokens != 0 &&
         (options.repetition_penalty != 1.0f || options.presence_penalty != 0.0f || options.frequency_penalty != 0.0f);
}

// The largest of a block, or +infinity when one of its values is not a number or +infinity.
float largest_of(std::span<const float> block) noexcept {
  constexpr float kLimit = std::numeric_limits<float>::max(), kInfinity = std::numeric_limits<float>::infinity();
  Float4 best = splat(-kInfinity);
  Int4 sound = {-1, -1, -1, -1};
  size_t i = 0;
  for (; i + 4 <= block.size(); i += 4) {
    Float4 values;
    std::memcpy(&values, &block[i], sizeof values);
    sound &= values <= splat(kLimit);
    best = max4(values, best);
  }
  float largest = std::max(std::max(best[0], best[1]), std::max(best[2], best[3]));
  bool all_sound = (sound[0] & sound[1] & sound[2] & sound[3]) != 0;
  for (; i < block.size(); ++i) {
    all_sound = all_sound && block[i] <= kLimit;
    largest = std::max(largest, block[i]);
  }
  return all_sound ? largest : kInfinity;
}

// Index of the largest value, the first of equals. False, *index at the culprit, for a value that is NaN or +infinity.
// Vocabularies have up to 256k entries: only the block that holds the answer is searched value by value.
bool find_largest(std::span<const float> values, uint32_t* index) noexcept {
  constexpr size_t kBlock = 512;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float largest = -kInfinity;
  size_t best = 0;
  for (size_t begin = 0; begin < values.size() && largest != kInfinity; begin += kBlock) {
    const float here = largest_of(values.subspan(begin, std::min(kBlock, values.size() - begin)));
    if (here <= largest) continue;
    largest = here;
    best = begin;
  }
  if (largest == kInfinity) {
    while (values[best] <= std::numeric_limits<float>::max()) ++best;
    *index = static_cast<uint32_t>(best);
    return false;
  }
  while (values[best] != largest) ++best;
  *index = static_cast<uint32_t>(best);
  return true;
}

}  // namespace

Status check_sampler_options(const SamplerOptions& options) noexcept {
  constexpr float kLimit = std::numeric_limits<float>::max();
  const auto finite = [](float x) { return x >= -kLimit && x <= kLimit; };
  if (!(options.temperature >= 0.0f && options.temperature <= kLimit))
    return bad("temperature", options.temperature, "0 or more");
  if (!(options.top_p > 0.0f && options.top_p <= 1.0f)) return bad("top_p", options.top_p, "more than 0, at most 1");
  if (!(options.min_p >= 0.0f && options.min_p <= 1.0f)) return bad("min_p", options.min_p, "0 to 1");
  if (!(options.repetition_penalty > 0.0f && options.repetition_penalty <= kLimit))
    return bad("repetition_penalty", options.repetition_penalty, "more than 0");
  if (!finite(options.presence_penalty)) return bad("presence_penalty", options.presence_penalty, "a finite number");
  if (!finite(options.frequency_penalty)) return bad("frequency_penalty", options.frequency_penalty, "a finite number");
  if (options.penalty_tokens > Sampler::kMaxPenaltyTokens)
    return bad("penalty_tokens", options.penalty_tokens, "at most 4096");
  return {};
}

uint64_t Sampler::scratch_bytes(uint32_t vocab_size) noexcept {
  return uint64_t{vocab_size} * (sizeof(float) + sizeof(uint64_t)) + kSelectBins * sizeof(uint64_t) +
         kMaxPenaltyTokens * sizeof(int32_t);
}

Status Sampler::init(uint32_t vocab_size) noexcept {
  if (vocab_size == 0 || vocab_size > kMaxVocab)
    return Status::error(Code::unsupported, "sampler: a vocabulary of %u tokens, expected 1 to %u", vocab_size,
                         kMaxVocab);
  // reserve, not resize: what greedy sampling never touches is never backed by memory.
  if (!penalised_.reserve(vocab_size) || !weights_.reserve(vocab_size) || !bins_.reserve(kSelectBins) ||
      !seen_.reserve(kMaxPenaltyTokens))
    return out_of_memory("sampler", "its scratch");
  return {};
}

void Sampler::penalise(std::span<const float> logits, std::span<const int32_t> recent,
                       const SamplerOptions& options) noexcept {
  float* out = penalised_.data();
  std::copy(logits.begin(), logits.end(), out);
  recent = recent.last(std::min<size_t>(recent.size(), options.penalty_tokens));
  int32_t* seen = seen_.data();
  std::copy(recent.begin(), recent.end(), seen);
  std::sort(seen, seen + recent.size());
  for (size_t i = 0; i < recent.size();) {
    const int32_t id = seen[i];
    size_t end = i;
    while (end < recent.size() && seen[end] == id) ++end;
    if (id >= 0 && static_cast<size_t>(id) < logits.size()) {
      float& logit = out[id];
      logit = logit > 0.0f ? logit / options.repetition_penalty : logit * options.repetition_penalty;
      logit -= options.presence_penalty + options.frequency_penalty * static_cast<float>(end - i);
    }
    i = end;
  }
}

int32_t Sampler::draw(std::span<const float> logits, float largest, const SamplerOptions& options,
                      Generator* generator) noexcept {
  const uint32_t count = static_cast<uint32_t>(logits.size());
  uint64_t* weights = weights_.data();
  uint64_t* bins = bins_.data();
  const auto key = [&](uint32_t i) { return order_key(logits[i]); };
  const auto weight = [&](uint32_t i) { return weights[i]; };

  Cut top_k;
  if (options.top_k != 0 && options.top_k < count)
    top_k = select_cut(count, options.top_k, bins, key, [](uint32_t) { return uint64_t{1}; });

  const double temperature = options.temperature;
  // Probabilities below min_p of the largest go at the end: top_p counts them.
  const uint64_t least = static_cast<uint64_t>(static_cast<double>(options.min_p) * kOne);
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const double x = (static_cast<double>(logits[i]) - static_cast<double>(largest)) / temperature;
    weights[i] = top_k.keeps(key(i), i) ? static_cast<uint64_t>(exp_nonpositive(x) * kOne) : 0;
    total += weights[i];
  }

  Cut top_p;
  if (options.top_p < 1.0f) {
    const double wanted = std::ceil(static_cast<double>(options.top_p) * static_cast<double>(total));
    const uint64_t target = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, total);
    top_p = select_cut(count, target, bins, key, weight);
  }

  total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (weights[i] < least || !top_p.keeps(key(i), i)) weights[i] = 0;
    total += weights[i];
  }
  // The likeliest token has weight 2^40 and is always kept, so total is not 0.
  uint64_t ticket = static_cast<uint64_t>((static_cast<unsigned __int128>(generator->next()) * total) >> 64);
  for (uint32_t i = 0; i < count; ++i) {
    if (ticket < weights[i]) return static_cast<int32_t>(i);
    ticket -= weights[i];
  }
  return 0;  // not reached: ticket < total
}

Result<int32_t> Sampler::pick(std::span<const float> logits, std::span<const int32_t> recent,
                              const SamplerOptions& options, Generator* generator) noexcept {
  RUNNEL_TRY(check_sampler_options(options));
  if (wants_penalties(options)) {
    penalise(logits, recent, options);
    logits = {penalised_.data(), logits.size()};
  }
  uint32_t best = 0;
  if (!find_largest(logits, &best))
    return Status::error(Code::internal, "sampler: the logit of token %u is %g", best,
                         static_cast<double>(logits[best]));
  if (logits[best] < std::numeric_limits<float>::lowest())
    return Status::error(Code::internal, "sampler: every logit is minus infinity");
  if (options.temperature == 0.0f) return static_cast<int32_t>(best);
  return draw(logits, logits[best], options, generator);
}

}  // namespace runnel
