// Page tables of one sequence for executors under test: every group's pages, filled with what is not a number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "graph/cpu/kv_groups.h"

namespace runnel::test {

class KvPages {
 public:
  // seed 0: pages in order; otherwise shuffled.
  KvPages(const KvGroups& groups, uint32_t pages, uint32_t seed = 0) {
    std::mt19937 random(seed);
    for (uint32_t g = 0; g < groups.count; ++g) {
      std::vector<uint8_t*>& table = tables_.emplace_back();
      for (uint32_t i = 0; i < pages; ++i) {
        auto& bytes = storage_.emplace_back(groups.groups[g].page_bytes + 64, uint8_t{0x7f});  // 0x7f7f: not a number
        table.push_back(reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(bytes.data()) + 63) & ~uintptr_t{63}));
      }
      if (seed != 0) std::shuffle(table.begin(), table.end(), random);
    }
    for (auto& table : tables_) pointers_.push_back(table.data());
  }
  uint8_t* const* const* tables() const { return pointers_.data(); }

 private:
  std::vector<std::vector<uint8_t>> storage_;
  std::vector<std::vector<uint8_t*>> tables_;
  std::vector<uint8_t* const*> pointers_;
};

}  // namespace runnel::test
