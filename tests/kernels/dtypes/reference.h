// Each storage type's value by the definition of its format, one value at a time from single bits, in double. Written
// apart from the kernels: positions are counted in bits of the block, not in loops over bytes.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>

namespace runnel::test {

class BlockBits {
 public:
  explicit BlockBits(const uint8_t* bytes) : bytes_(bytes) {}
  // `count` bits from bit `first` of byte `byte`, not crossing bytes.
  int bits(int byte, int first, int count) const { return bytes_[byte] >> first & ((1 << count) - 1); }
  int s8(int byte) const { return bytes_[byte] < 128 ? bytes_[byte] : bytes_[byte] - 256; }
  double half(int byte) const {
    const int exponent = bits(byte + 1, 2, 5), fraction = bits(byte + 1, 0, 2) * 256 + bytes_[byte];
    double value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31) value = std::numeric_limits<double>::infinity();
    return bits(byte + 1, 7, 1) ? -value : value;
  }
  // A binary float of 1 + exponent_bits + fraction_bits, little-endian.
  double ieee(int byte, int total_bytes, int fraction_bits) const {
    uint32_t all = 0;
    for (int i = 0; i < total_bytes; ++i) all |= uint32_t(bytes_[byte + i]) << (8 * i);
    const uint32_t fraction = all & ((1u << fraction_bits) - 1);
    const int exponent = static_cast<int>(all >> fraction_bits & 255);
    const double value = exponent == 0 ? std::ldexp(fraction, -126 - fraction_bits)
                                       : std::ldexp(fraction + (1u << fraction_bits), exponent - 127 - fraction_bits);
    return all >> (8 * total_bytes - 1) ? -value : value;
  }

 private:
  const uint8_t* bytes_;
};

// Low nibbles of `n` bytes first, then the high ones.
inline int split_nibble(const BlockBits& b, int byte, int n, int e) { return b.bits(byte + e % n, e / n * 4, 4); }

inline double iq4_level(int q) {
  static const int levels[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return levels[q];
}

// Six-bit scale (which = 0) or minimum (1) of group g of Q4_K and Q5_K; `base` is the first of the 12 bytes.
inline int k_scale(const BlockBits& b, int base, int which, int g) {
  if (g < 4) return b.bits(base + 4 * which + g, 0, 6);
  return b.bits(base + 8 + g - 4, 4 * which, 4) + 16 * b.bits(base + 4 * which + g - 4, 6, 2);
}

// Digit n of a base-3 fraction in 256ths.
inline int ternary_digit(int byte, int n) {
  int rest = byte, digit = 0;
  for (int i = 0; i <= n; ++i) {
    digit = rest * 3 / 256;
    rest = rest * 3 % 256;
  }
  return digit;
}

using ReferenceFn = std::function<double(const BlockBits&, int)>;

// Value e of a block, by dtype name.
inline const std::map<std::string, ReferenceFn>& references() {
  using B = const BlockBits&;
  static const std::map<std::string, ReferenceFn> map = {
      {"f32", [](B b, int) { return b.ieee(0, 4, 23); }},
      {"f16", [](B b, int) { return b.half(0); }},
      {"bf16", [](B b, int) { return b.ieee(0, 2, 7); }},
      {"q8g32", [](B b, int e) { return b.half(0) * b.s8(2 + e); }},
      {"q4g32", [](B b, int e) { return b.half(0) * (split_nibble(b, 2, 16, e) - 8); }},
      {"q4ag32", [](B b, int e) { return b.half(0) * split_nibble(b, 4, 16, e) + b.half(2); }},
      {"q5g32",
       [](B b, int e) { return b.half(0) * (split_nibble(b, 6, 16, e) + 16 * b.bits(2 + e / 8, e % 8, 1) - 16); }},
      {"q5ag32",
       [](B b, int e) {
         return b.half(0) * (split_nibble(b, 8, 16, e) + 16 * b.bits(4 + e / 8, e % 8, 1)) + b.half(2);
       }},
      {"q2ag16s256",
       [](B b, int e) {
         const int q = b.bits(16 + e / 128 * 32 + e % 32, e % 128 / 32 * 2, 2);
         return b.half(80) * b.bits(e / 16, 0, 4) * q - b.half(82) * b.bits(e / 16, 4, 4);
       }},
      {"q3g16s256",
       [](B b, int e) {
         const int g = e / 16;
         const int s = b.bits(96 + g % 8, g / 8 * 4, 4) + 16 * b.bits(104 + g % 4, g / 4 * 2, 2) - 32;
         const int low = b.bits(32 + e / 128 * 32 + e % 32, e % 128 / 32 * 2, 2);
         return b.half(108) * s * (low - (b.bits(e % 32, e / 32, 1) ? 0 : 4));
       }},
      {"q4ag32s256",
       [](B b, int e) {
         const int q = split_nibble(b, 16 + e / 64 * 32, 32, e % 64);
         return b.half(0) * k_scale(b, 4, 0, e / 32) * q - b.half(2) * k_scale(b, 4, 1, e / 32);
       }},
      {"q5ag32s256",
       [](B b, int e) {
         const int q = split_nibble(b, 48 + e / 64 * 32, 32, e % 64) + 16 * b.bits(16 + e % 32, e / 32, 1);
         return b.half(0) * k_scale(b, 4, 0, e / 32) * q - b.half(2) * k_scale(b, 4, 1, e / 32);
       }},
      {"q6g16s256",
       [](B b, int e) {
         const int low = split_nibble(b, e / 128 * 64, 64, e % 128);
         const int high = b.bits(128 + e / 128 * 32 + e % 32, e % 128 / 32 * 2, 2);
         return b.half(208) * b.s8(192 + e / 16) * (low + 16 * high - 32);
       }},
      {"iq4g32", [](B b, int e) { return b.half(0) * iq4_level(split_nibble(b, 2, 16, e)); }},
      {"iq4g32s256",
       [](B b, int e) {
         const int g = e / 32;
         const int s = b.bits(4 + g / 2, g % 2 * 4, 4) + 16 * b.bits(2 + g / 4, g % 4 * 2, 2) - 32;
         return b.half(0) * s * iq4_level(split_nibble(b, 8 + 16 * g, 16, e % 32));
       }},
      {"mxfp4g32",
       [](B b, int e) {
         const int q = split_nibble(b, 1, 16, e), exponent = q >> 1 & 3, fraction = q & 1;
         const double value = exponent == 0 ? fraction * 0.5 : std::ldexp(1 + fraction * 0.5, exponent - 1);
         return std::ldexp(q & 8 ? -value : value, b.bits(0, 0, 8) - 127);
       }},
      {"tq1g256",
       [](B b, int e) {
         const int byte = e < 160 ? e % 32 : e < 240 ? 32 + (e - 160) % 16 : 48 + (e - 240) % 4;
         const int digit = e < 160 ? e / 32 : e < 240 ? (e - 160) / 16 : (e - 240) / 4;
         return b.half(52) * (ternary_digit(b.bits(byte, 0, 8), digit) - 1);
       }},
      {"tq2g256", [](B b, int e) { return b.half(64) * (b.bits(e / 128 * 32 + e % 32, e % 128 / 32 * 2, 2) - 1); }},
  };
  return map;
}

// Offsets of the float16 fields of a block: random bytes there would give infinities.
inline const std::map<std::string, std::pair<int, int>>& half_fields() {
  static const std::map<std::string, std::pair<int, int>> map = {
      {"q8g32", {0, -1}},     {"q4g32", {0, -1}},       {"q4ag32", {0, 2}},       {"q5g32", {0, -1}},
      {"q5ag32", {0, 2}},     {"q2ag16s256", {80, 82}}, {"q3g16s256", {108, -1}}, {"q4ag32s256", {0, 2}},
      {"q5ag32s256", {0, 2}}, {"q6g16s256", {208, -1}}, {"iq4g32", {0, -1}},      {"iq4g32s256", {0, -1}},
      {"tq1g256", {52, -1}},  {"tq2g256", {64, -1}},    {"f16", {0, -1}}};
  return map;
}

}  // namespace runnel::test
