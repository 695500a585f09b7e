// Energy that the machine has used, from the counters that Linux' powercap tells of (RAPL on x86): processor packages
// and memory, whoever used them.
//
// Reading the counters takes root on most systems; where there are none, available() is false and joules() is 0.
// Thread rule: one thread at a time. Nothing is allocated.
#pragma once

#include <cstdint>

namespace runnel {

class EnergyMeter {
 public:
  // Finds the counters and starts. `root` stands for "/" (tests bring their own tree) and is at most 63 bytes long.
  explicit EnergyMeter(const char* root = "") noexcept;

  bool available() const noexcept { return count_ != 0; }
  void start() noexcept;
  // Since the constructor or the last start(). A counter that went round once is followed.
  double joules() const noexcept;

 private:
  struct Counter {
    char path[160];
    uint64_t range_uj;  // goes back to 0 beyond
    uint64_t start_uj;
  };
  static constexpr uint32_t kMaxCounters = 16;

  void add(const char* root, const char* zone) noexcept;

  Counter counters_[kMaxCounters];
  uint32_t count_ = 0;
};

}  // namespace runnel
