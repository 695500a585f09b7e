// The generator behind sampling: xoshiro256++ (Blackman and Vigna 2018, public domain), its state spread from the seed
// by splitmix64. Integer arithmetic only, so every platform draws the same numbers.
#pragma once

#include <cstdint>

namespace runnel {

class Generator {
 public:
  explicit Generator(uint64_t seed = 0) noexcept {
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
      word = mixed ^ (mixed >> 31);
    }
  }

  // To go on from later, elsewhere. Requires of set_state(): not all zeros.
  const uint64_t (&state() const noexcept)[4] { return state_; }
  void set_state(const uint64_t (&state)[4]) noexcept {
    for (int i = 0; i < 4; ++i) state_[i] = state[i];
  }

  uint64_t next() noexcept {
    const uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  // Uniform in [0, 1), a multiple of 2^-53.
  double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  static uint64_t rotate(uint64_t x, int by) noexcept { return (x << by) | (x >> (64 - by)); }
  uint64_t state_[4];
};

}  // namespace runnel
