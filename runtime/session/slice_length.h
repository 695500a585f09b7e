// How many tokens to compute at once in the background: as many as take about as long as one, which is bound by reading
// the weights, so that giving up a slice loses no more than one token's time.
//
// Thread rule: one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace runnel {

class SliceLength {
 public:
  explicit SliceLength(uint32_t longest) noexcept : longest_(longest) {}

  uint32_t tokens() const noexcept { return tokens_; }

  // A slice of so many tokens, at most tokens(), took `ns`. The shortest time seen stands for one token's: none takes
  // less. A machine may become slower, which short slices tell: while they take longer, it is forgotten slowly.
  void took(uint32_t tokens, uint64_t ns) noexcept {
    const uint64_t forgiven = tokens <= 2 ? least_ns_ / 64 : 0;
    least_ns_ = least_ns_ == 0 ? ns : std::min(ns, least_ns_ + forgiven);
    const uint64_t most_ns = least_ns_ + least_ns_ / 4;
    if (ns > most_ns) {
      tokens_ = std::max<uint32_t>(1, static_cast<uint32_t>(tokens * most_ns / ns));
    } else if (tokens == tokens_) {
      tokens_ = std::min(longest_, 2 * tokens_);
    }
  }

 private:
  uint32_t longest_;
  uint32_t tokens_ = 1;
  uint64_t least_ns_ = 0;
};

}  // namespace runnel
