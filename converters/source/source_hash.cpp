#include "converters/source/source_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "converters/source/mapped_file.h"

namespace runnel {
namespace {

constexpr size_t kPieceBytes = 4u << 20;
constexpr size_t kHexDigits = 64;

// *out has room for all digits: nothing is allocated on the thread.
void write_hex(const unsigned char* bytes, size_t count, std::string* out) noexcept {
  constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < count && 2 * i + 1 < out->size(); ++i) {
    (*out)[2 * i] = kDigits[bytes[i] >> 4];
    (*out)[2 * i + 1] = kDigits[bytes[i] & 15];
  }
}

}  // namespace

SourceHash::SourceHash(std::vector<SourceFile> files) : files_(std::move(files)) {
  digests_.assign(files_.size(), std::string(kHexDigits, '0'));
  try {
    thread_ = std::thread([this] { hash_all(); });
  } catch (const std::system_error&) {
    // No thread to be had: it is done when waited for.
  }
}

SourceHash::~SourceHash() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void SourceHash::hash_all() noexcept {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  failed_ = context == nullptr;
  for (size_t i = 0; i < files_.size() && !failed_ && !stop_; ++i) {
    failed_ = EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1;
    const std::span<const uint8_t> bytes = files_[i].bytes;
    for (size_t at = 0; at < bytes.size() && !failed_ && !stop_; at += kPieceBytes) {
      const std::span<const uint8_t> piece = bytes.subspan(at, std::min(kPieceBytes, bytes.size() - at));
      failed_ = EVP_DigestUpdate(context, piece.data(), piece.size()) != 1;
      drop_mapped(piece);
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned count = 0;
    if (!failed_) failed_ = EVP_DigestFinal_ex(context, digest, &count) != 1;
    if (!failed_) write_hex(digest, count, &digests_[i]);
  }
  EVP_MD_CTX_free(context);
  done_ = true;
}

Result<std::vector<std::string>> SourceHash::wait(const std::atomic<bool>* cancel) {
  if (!thread_.joinable()) hash_all();
  while (!done_) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      stop_ = true;
      return Status::error(Code::cancelled, "convert: cancelled while the source was hashed");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (thread_.joinable()) thread_.join();
  if (failed_) return Status::error(Code::internal, "convert: SHA-256 of the source failed");
  return digests_;
}

}  // namespace runnel
