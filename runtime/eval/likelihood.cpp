#include "runtime/eval/likelihood.h"

#include <algorithm>
#include <cmath>

namespace runnel {
namespace {

// ln sum exp(x), shifted by the largest value so that nothing overflows.
double log_sum_exp(std::span<const float> logits) noexcept {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - top);
  return top + std::log(sum);
}

}  // namespace

double negative_log_likelihood(std::span<const float> logits, uint32_t target) noexcept {
  return log_sum_exp(logits) - static_cast<double>(logits[target]);
}

double kl_divergence(std::span<const float> reference, std::span<const float> other) noexcept {
  const double p_norm = log_sum_exp(reference), q_norm = log_sum_exp(other);
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double log_p = static_cast<double>(reference[i]) - p_norm, log_q = static_cast<double>(other[i]) - q_norm;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  return sum < 0 ? 0 : sum;  // rounding only
}

uint32_t argmax(std::span<const float> values) noexcept {
  return static_cast<uint32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

double percentile(std::span<double> values, double share) noexcept {
  const double rank = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(values.size()));
  const size_t index = rank < 1 ? 0 : static_cast<size_t>(rank) - 1;
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(index), values.end());
  return values[index];
}

}  // namespace runnel
