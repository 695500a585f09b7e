// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto, which uses the CPU's SHA instructions where it has them.
//
// Thread rule: one thread at a time per object.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace runnel {

struct Digest {
  uint8_t bytes[32] = {};
  bool operator==(const Digest&) const = default;
};

class Sha256 {
 public:
  Sha256() noexcept;
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  // Failure (no memory) is sticky and comes out of finish().
  void update(std::span<const uint8_t> bytes) noexcept;
  // False when memory ran out. The object starts anew.
  [[nodiscard]] bool finish(Digest* out) noexcept;

 private:
  void begin() noexcept;
  void* context_ = nullptr;
  bool ok_ = false;
};

[[nodiscard]] bool sha256(std::span<const uint8_t> bytes, Digest* out) noexcept;

struct DigestText {
  char text[65];
};
DigestText hex(const Digest& digest) noexcept;
// From 64 hex digits of lower case. False for anything else.
[[nodiscard]] bool parse_hex(std::string_view text, Digest* out) noexcept;

}  // namespace runnel
