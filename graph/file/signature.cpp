#include "graph/file/signature.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace runnel {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

struct Message {
  uint8_t bytes[56] = "runnel model header v1\n";
  explicit Message(const Digest& header) noexcept { std::memcpy(bytes + 24, header.bytes, 32); }
};

// No terminal is asked for a pass phrase: a library never waits for one.
int no_pass_phrase(char*, int, int, void*) noexcept { return -1; }

}  // namespace

Status sign_header(const char* key_path, const Digest& header, uint8_t* public_key, uint8_t* signature) noexcept {
  const std::unique_ptr<std::FILE, Free> file(std::fopen(key_path, "re"));
  if (!file) return Status::error(Code::io, "signature: cannot open key %s: %s", key_path, std::strerror(errno));
  const std::unique_ptr<EVP_PKEY, Free> key(PEM_read_PrivateKey(file.get(), nullptr, &no_pass_phrase, nullptr));
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) {
    return Status::error(Code::invalid_argument, "signature: %s is no Ed25519 private key in PEM", key_path);
  }
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  if (!context) return Status::error(Code::out_of_memory, "signature: no memory for a context");
  const Message message(header);
  size_t key_bytes = 32, signature_bytes = 64;
  if (EVP_PKEY_get_raw_public_key(key.get(), public_key, &key_bytes) != 1 || key_bytes != 32 ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature, &signature_bytes, message.bytes, sizeof message.bytes) != 1 ||
      signature_bytes != 64) {
    return Status::error(Code::internal, "signature: libcrypto could not sign with %s", key_path);
  }
  return {};
}

Status read_public_key(const char* path, uint8_t* public_key) noexcept {
  const std::unique_ptr<std::FILE, Free> file(std::fopen(path, "re"));
  if (!file) return Status::error(Code::io, "signature: cannot open key %s: %s", path, std::strerror(errno));
  const std::unique_ptr<EVP_PKEY, Free> key(PEM_read_PUBKEY(file.get(), nullptr, &no_pass_phrase, nullptr));
  size_t key_bytes = 32;
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key.get(), public_key, &key_bytes) != 1 || key_bytes != 32) {
    return Status::error(Code::invalid_argument, "signature: %s is no Ed25519 public key in PEM", path);
  }
  return {};
}

Status check_signature(const Digest& header, const uint8_t* public_key, const uint8_t* signature) noexcept {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key, 32));
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  if (!key || !context) return Status::error(Code::out_of_memory, "signature: no memory for a key");
  const Message message(header);
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestVerify(context.get(), signature, 64, message.bytes, sizeof message.bytes) != 1) {
    return Status::error(Code::corrupt_file, "the signature is not that of the header by the key beside it");
  }
  return {};
}

}  // namespace runnel
