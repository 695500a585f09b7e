#include "graph/file/sha256.h"

#include <openssl/evp.h>

namespace runnel {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

}  // namespace

Sha256::Sha256() noexcept : context_(EVP_MD_CTX_new()) { begin(); }

Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

void Sha256::begin() noexcept {
  ok_ = context_ != nullptr && EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr) == 1;
}

void Sha256::update(std::span<const uint8_t> bytes) noexcept {
  ok_ = ok_ && EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1;
}

bool Sha256::finish(Digest* out) noexcept {
  const bool ok = ok_ && EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), out->bytes, nullptr) == 1;
  begin();
  return ok;
}

bool sha256(std::span<const uint8_t> bytes, Digest* out) noexcept {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish(out);
}

bool parse_hex(std::string_view text, Digest* out) noexcept {
  if (text.size() != 2 * sizeof out->bytes) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t digit = std::string_view(kDigits).find(text[i]);
    if (digit == std::string_view::npos) return false;
    out->bytes[i / 2] = static_cast<uint8_t>(out->bytes[i / 2] << 4 | digit);
  }
  return true;
}

DigestText hex(const Digest& digest) noexcept {
  DigestText out;
  for (int i = 0; i < 32; ++i) {
    out.text[2 * i] = kDigits[digest.bytes[i] >> 4];
    out.text[2 * i + 1] = kDigits[digest.bytes[i] & 15];
  }
  out.text[64] = '\0';
  return out;
}

}  // namespace runnel
