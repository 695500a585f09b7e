#include "converters/recipe/rope_frequencies.h"

#include <algorithm>
#include <cmath>

#include "converters/text.h"

namespace runnel {
namespace {

constexpr uint32_t kMostDims = 512;  // a head's; before the loop over them
constexpr double kPi = 3.14159265358979323846;

double plain_inverse(const RopeScaling& s, size_t i) { return std::pow(s.base, -2.0 * static_cast<double>(i) / s.dim); }

// Llama 3.1's released formula: long waves are stretched by `factor`, short ones stay, the ones between are blended.
double llama3_divisor(const RopeScaling& s, size_t i) {
  const double wavelength = 2 * kPi / plain_inverse(s, i);
  if (wavelength < s.original_length / s.high_freq_factor) return 1;
  if (wavelength > s.original_length / s.low_freq_factor) return s.factor;
  const double smooth = (s.original_length / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return 1 / ((1 - smooth) / s.factor + smooth);
}

// YaRN (Peng et al. 2023, arXiv 2309.00071), "NTK by parts": dimensions that turn more than beta_fast times within the
// original length stay, those that turn less than beta_slow times are interpolated, with a linear ramp between.
double yarn_divisor(const RopeScaling& s, size_t i) {
  const auto dimension = [&](double turns) {
    return s.dim * std::log(s.original_length / (turns * 2 * kPi)) / (2 * std::log(s.base));
  };
  double low = dimension(s.beta_fast), high = dimension(s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, s.dim - 1.0);
  if (low == high) high += 0.001;  // as the authors' code does, against a division by zero
  const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
  return 1 / (ramp / s.factor + (1 - ramp));
}

Status check(const RopeScaling& s) {
  const auto positive = [](double x) { return std::isfinite(x) && x > 0; };
  if (s.dim == 0 || s.dim % 2 != 0 || s.dim > kMostDims)
    return Status::error(Code::corrupt_file, "rope: %u rotated dimensions, expected an even number up to %u", s.dim,
                         kMostDims);
  if (!positive(s.base) || s.base <= 1) return Status::error(Code::corrupt_file, "rope: base %g", s.base);
  if (s.kind == "default") return {};
  if (s.kind != "linear" && s.kind != "llama3" && s.kind != "yarn")
    return Status::error(Code::unsupported,
                         "rope: scaling type %s is not supported (default, linear, llama3 and yarn are)",
                         in_quotes(s.kind).c_str());
  if (!positive(s.factor)) return Status::error(Code::corrupt_file, "rope: %s factor %g", s.kind.c_str(), s.factor);
  if (s.kind != "linear" && !positive(s.original_length))
    return Status::error(Code::corrupt_file, "rope: %s scaling without the original context length", s.kind.c_str());
  if (s.kind == "llama3" &&
      (!positive(s.low_freq_factor) || !positive(s.high_freq_factor) || s.high_freq_factor <= s.low_freq_factor))
    return Status::error(Code::corrupt_file, "rope: llama3 frequency factors %g and %g", s.low_freq_factor,
                         s.high_freq_factor);
  if (s.kind == "yarn" && (!positive(s.beta_fast) || !positive(s.beta_slow) || s.beta_fast < s.beta_slow))
    return Status::error(Code::corrupt_file, "rope: yarn betas %g and %g", s.beta_fast, s.beta_slow);
  return {};
}

}  // namespace

Result<RopeParams> rope_frequencies(const RopeScaling& s) {
  RUNNEL_TRY(check(s));
  if (!s.divisors.empty() && s.divisors.size() != s.dim / 2)
    return Status::error(Code::corrupt_file, "rope: %zu frequency factors for %u dimensions", s.divisors.size(), s.dim);
  RopeParams out;
  out.dim = s.dim;
  for (size_t i = 0; i < s.dim / 2; ++i) {
    double divisor = 1;
    if (s.kind == "linear") divisor = s.factor;
    if (s.kind == "llama3") divisor = llama3_divisor(s, i);
    if (s.kind == "yarn") divisor = yarn_divisor(s, i);
    if (!s.divisors.empty()) divisor *= s.divisors[i];
    divisor = static_cast<float>(divisor);
    const auto inverse = static_cast<float>(plain_inverse(s, i) / divisor);
    if (!std::isfinite(inverse) || inverse <= 0)
      return Status::error(Code::corrupt_file, "rope: frequency %zu comes out as %g", i, static_cast<double>(inverse));
    out.inv_freq.push_back(inverse);
  }
  if (s.kind == "yarn")
    out.amplitude = static_cast<float>(s.amplitude > 0 ? s.amplitude
                                       : s.factor > 1  ? 0.1 * std::log(s.factor) + 1
                                                       : 1.0);
  return out;
}

}  // namespace runnel
