// A ParallelFor that hands slices out in random order to random workers, one at a time: what depends on order or
// worker shows without luck.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "kernels/base/parallel_for.h"

namespace runnel::test {

class ShuffledFor final : public ParallelFor {
 public:
  ShuffledFor(uint32_t workers, uint32_t seed) : workers_(workers), random_(seed) {}
  void run(uint32_t units, uint32_t grain, SliceFn fn, void* context) noexcept override {
    std::vector<Slice> slices;
    for (uint32_t begin = 0; begin < units; begin += grain) {
      // Slices may be shorter than the grain as well.
      const uint32_t end = std::min(units, begin + grain), middle = begin + (end - begin) / 2;
      if (random_() % 4 == 0 && middle > begin) {
        slices.push_back({begin, middle});
        slices.push_back({middle, end});
      } else {
        slices.push_back({begin, end});
      }
    }
    std::shuffle(slices.begin(), slices.end(), random_);
    for (const Slice& slice : slices) fn(context, slice, random_() % workers_);
    ++runs;
  }
  uint32_t worker_count() const noexcept override { return workers_; }

  uint32_t runs = 0;

 private:
  uint32_t workers_;
  std::mt19937 random_;
};

}  // namespace runnel::test
