#include "runtime/sampler/candidates.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>

#include "kernels/simd/vec4.h"

namespace runnel {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The largest of a block, or +infinity when one of its values is not a number or +infinity.
float largest_of(std::span<const float> block) noexcept {
  constexpr float kLimit = std::numeric_limits<float>::max();
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

std::span<const float> block_at(std::span<const float> logits, size_t begin) noexcept {
  return logits.subspan(begin, std::min<size_t>(kBlockLogits, logits.size() - begin));
}

}  // namespace

bool find_largest(std::span<const float> logits, float* block_largest, uint32_t* index) noexcept {
  float largest = -kInfinity;
  size_t best = 0;  // where the block with the largest begins
  for (size_t begin = 0; begin < logits.size() && largest != kInfinity; begin += kBlockLogits) {
    const float here = largest_of(block_at(logits, begin));
    block_largest[begin / kBlockLogits] = here;
    if (here <= largest) continue;
    largest = here;
    best = begin;
  }
  if (largest == kInfinity) {
    while (logits[best] <= std::numeric_limits<float>::max()) ++best;
  } else {
    while (logits[best] != largest) ++best;
  }
  *index = static_cast<uint32_t>(best);
  return largest != kInfinity;
}

float reached_by(std::span<float> block_largest, uint32_t rank) noexcept {
  if (rank == 0 || rank > block_largest.size()) return -kInfinity;
  const auto at = block_largest.begin() + (rank - 1);
  std::nth_element(block_largest.begin(), at, block_largest.end(), std::greater<float>());
  return *at;
}

uint32_t gather(std::span<const float> logits, const float* block_largest, float least, uint32_t* ids,
                float* values) noexcept {
  uint32_t count = 0;
  for (size_t begin = 0; begin < logits.size(); begin += kBlockLogits) {
    if (block_largest[begin / kBlockLogits] < least) continue;
    const size_t end = std::min<size_t>(begin + kBlockLogits, logits.size());
    for (size_t i = begin; i < end; ++i) {
      // Written always, kept when it counts: nothing to mispredict.
      const float value = logits[i];
      ids[count] = static_cast<uint32_t>(i);
      values[count] = value;
      count += value >= least;
    }
  }
  return count;
}

}  // namespace runnel
