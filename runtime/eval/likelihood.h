// What evaluations are made of: the likelihood of a token under a row of logits, and how far two rows lie apart.
// All sums in double. Thread rule: pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>

namespace runnel {

// -ln softmax(logits)[target]. Requires: target < logits.size().
double negative_log_likelihood(std::span<const float> logits, uint32_t target) noexcept;

// Kullback-Leibler divergence of the two rows' softmax, sum p ln(p / q), in nats; >= 0. Requires: equal sizes >= 1.
double kl_divergence(std::span<const float> reference, std::span<const float> other) noexcept;

// Index of the largest value, the first of equals. Requires: not empty.
uint32_t argmax(std::span<const float> values) noexcept;

// The value below which `share` (0..1) of the values lie, nearest rank. Reorders `values`. Requires: not empty.
double percentile(std::span<double> values, double share) noexcept;

}  // namespace runnel
