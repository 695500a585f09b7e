#include "runtime/sampler/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "runtime/sampler/candidates.h"
#include "runtime/sampler/select.h"

namespace runnel {
namespace {

constexpr int kUnitBits = 40;  // probabilities are in units of 2^-40
constexpr double kOne = 0x1p40;
constexpr double kLn2 = 0.693147180559945309;
constexpr uint32_t kMaxVocab = 1u << 23;  // 2^23 weights of 2^40 stay below 2^64

Status bad(const char* name, double value, const char* expected) noexcept {
  return Status::error(Code::invalid_argument, "sampler: %s is %g, expected %s", name, value, expected);
}

bool wants_penalties(const SamplerOptions& options) noexcept {
  return options.penalty_tokens != 0 &&
         (options.repetition_penalty != 1.0f || options.presence_penalty != 0.0f || options.frequency_penalty != 0.0f);
}

// A logit whose probability is e^depth of the largest one's, or a little less.
float logit_at(float largest, float temperature, double depth) noexcept {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const double logit = static_cast<double>(largest) + static_cast<double>(temperature) * (depth - 1e-3);
  if (logit < static_cast<double>(std::numeric_limits<float>::lowest())) return -kInfinity;
  const auto rounded = static_cast<float>(logit);
  return static_cast<double>(rounded) > logit ? std::nextafter(rounded, -kInfinity) : rounded;
}

// Logits below this have no weight, whatever else is asked for: their probabilities round to 0 units, or are below
// min_p where nothing else counts them.
float least_logit(float largest, const SamplerOptions& options) noexcept {
  // Below it, min_p is so few units that roundings would count.
  constexpr float kFirmMinP = 1e-8f;
  const bool only_min_p = options.top_p >= 1.0f && options.min_p >= kFirmMinP;
  return logit_at(largest, options.temperature,
                  only_min_p ? std::log(static_cast<double>(options.min_p)) : -kUnitBits * kLn2);
}

// A logit such that all that are no smaller weigh `target` together, or more; *target is written: top_p of what all
// weigh. Found by the weights' sizes, in powers of two, so that most of a vocabulary never enters the selection.
float logit_of_share(std::span<const uint64_t> weights, float largest, const SamplerOptions& options,
                     uint64_t* target) noexcept {
  uint64_t sums[2][kUnitBits + 2] = {};  // by bits of the weight; two, so that neighbours do not wait for each other
  for (size_t i = 0; i < weights.size(); ++i) sums[i & 1][std::bit_width(weights[i])] += weights[i];
  uint64_t total = 0;
  for (int bits = 0; bits < kUnitBits + 2; ++bits) total += sums[0][bits] += sums[1][bits];
  const double wanted = std::ceil(static_cast<double>(options.top_p) * static_cast<double>(total));
  *target = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, total);
  int bits = kUnitBits + 1;
  for (uint64_t sum = sums[0][bits]; sum < *target;) sum += sums[0][--bits];
  return logit_at(largest, options.temperature, (bits - 1 - kUnitBits) * kLn2);  // weights of 2^(bits - 1) and more
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
  return uint64_t{vocab_size} * (sizeof(float) + sizeof(uint32_t) + sizeof(uint64_t)) +
         uint64_t{logit_blocks(vocab_size)} * 2 * sizeof(float) + kSelectBins * sizeof(uint64_t) +
         kMaxPenaltyTokens * sizeof(int32_t);
}

Status Sampler::init(uint32_t vocab_size) noexcept {
  if (vocab_size == 0 || vocab_size > kMaxVocab)
    return Status::error(Code::unsupported, "sampler: a vocabulary of %u tokens, expected 1 to %u", vocab_size,
                         kMaxVocab);
  // Reserved only: what greedy sampling never touches is never backed by memory.
  const uint32_t blocks = logit_blocks(vocab_size);
  if (!block_largest_.reserve(blocks) || !ranking_.reserve(blocks) || !values_.reserve(vocab_size) ||
      !ids_.reserve(vocab_size) || !weights_.reserve(vocab_size) || !bins_.reserve(kSelectBins) ||
      !seen_.reserve(kMaxPenaltyTokens))
    return out_of_memory("sampler", "its scratch");
  vector_ = &vector_ops(active_isa());  // all give the same bits
  return {};
}

void Sampler::penalise(std::span<const float> logits, std::span<const int32_t> recent,
                       const SamplerOptions& options) noexcept {
  float* out = values_.data();
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

template <class Keeps>
uint32_t Sampler::keep(uint32_t count, const Keeps& keeps) noexcept {
  float* values = values_.data();
  uint32_t* ids = ids_.data();
  uint64_t* weights = weights_.data();
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const bool stays = keeps(i);
    values[kept] = values[i];
    ids[kept] = ids[i];
    weights[kept] = weights[i];
    kept += stays;
  }
  return kept;
}

void Sampler::back_lists() noexcept {
  if (lists_backed_) return;
  lists_backed_ = values_.reserve_backed(values_.capacity()) && ids_.reserve_backed(ids_.capacity()) &&
                  weights_.reserve_backed(weights_.capacity()) && bins_.reserve_backed(bins_.capacity()) &&
                  seen_.reserve_backed(seen_.capacity());
}

int32_t Sampler::draw(std::span<const float> logits, float largest, const SamplerOptions& options,
                      Generator* generator) noexcept {
  const uint32_t vocab_size = static_cast<uint32_t>(logits.size());
  const float* values = values_.data();
  const uint64_t* weights = weights_.data();
  const auto key = [&](uint32_t i) { return order_key(values[i]); };
  const auto weight = [&](uint32_t i) { return weights[i]; };

  float least = least_logit(largest, options);
  const bool has_top_k = options.top_k != 0 && options.top_k < vocab_size;
  if (has_top_k) {
    const std::span<float> ranking(ranking_.data(), logit_blocks(vocab_size));
    std::copy_n(block_largest_.data(), ranking.size(), ranking.data());
    least = std::max(least, reached_by(ranking, options.top_k));
  }
  uint32_t count = gather(logits, block_largest_.data(), least, ids_.data(), values_.data());
  const auto keep_before = [&](const Cut& cut) {
    count = keep(count, [&](uint32_t i) { return cut.keeps(key(i), i); });
  };
  if (has_top_k && options.top_k < count) {
    keep_before(select_cut(count, options.top_k, bins_.data(), key, [](uint32_t) { return uint64_t{1}; }));
  }

  vector_->probability_row(values, count, largest, options.temperature, weights_.data());
  if (options.top_p < 1.0f) {
    uint64_t target = 0;
    const float share = logit_of_share({weights, count}, largest, options, &target);
    count = keep(count, [&](uint32_t i) { return values[i] >= share; });
    keep_before(select_cut(count, target, bins_.data(), key, weight));
  }

  // Probabilities below min_p of the largest go at the end: top_p counts them.
  const uint64_t smallest = static_cast<uint64_t>(static_cast<double>(options.min_p) * kOne);
  const auto share = [&](uint32_t i) { return weights[i] < smallest ? 0 : weights[i]; };
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) total += share(i);
  // The likeliest token has weight 2^40 and is always kept, so total is not 0.
  uint64_t ticket = static_cast<uint64_t>((static_cast<unsigned __int128>(generator->next()) * total) >> 64);
  for (uint32_t i = 0; i < count; ++i) {
    if (ticket < share(i)) return static_cast<int32_t>(ids_.data()[i]);
    ticket -= share(i);
  }
  return 0;  // not reached: ticket < total
}

Result<int32_t> Sampler::pick(std::span<const float> logits, std::span<const int32_t> recent,
                              const SamplerOptions& options, Generator* generator) noexcept {
  RUNNEL_TRY(check_sampler_options(options));
  if (options.temperature != 0.0f || wants_penalties(options)) back_lists();
  if (wants_penalties(options)) {
    penalise(logits, recent, options);
    logits = {values_.data(), logits.size()};
  }
  uint32_t best = 0;
  if (!find_largest(logits, block_largest_.data(), &best))
    return Status::error(Code::internal, "sampler: the logit of token %u is %g", best,
                         static_cast<double>(logits[best]));
  if (logits[best] < std::numeric_limits<float>::lowest())
    return Status::error(Code::internal, "sampler: every logit is minus infinity");
  if (options.temperature == 0.0f) return static_cast<int32_t>(best);
  return draw(logits, logits[best], options, generator);
}

}  // namespace runnel
