// Ed25519 (RFC 8032) over the header's hash, by OpenSSL's libcrypto.
//
// The signed message is the 24 bytes "runnel model header v1\n\0" followed by the 32 bytes of the hash: a signature
// cannot be taken for one of anything else. Thread rule: any thread.
#pragma once

#include <cstdint>

#include "graph/file/sha256.h"
#include "runnel/status.h"

namespace runnel {

// Fills public_key[32] and signature[64]. `key_path`: an Ed25519 private key in PEM, without a pass phrase
// ("openssl genpkey -algorithm ed25519").
Status sign_header(const char* key_path, const Digest& header, uint8_t* public_key, uint8_t* signature) noexcept;

// Fills public_key[32] from a file with an Ed25519 public key in PEM ("openssl pkey -in KEY -pubout").
Status read_public_key(const char* path, uint8_t* public_key) noexcept;

// corrupt_file when the signature is not this key's signature of this header.
Status check_signature(const Digest& header, const uint8_t* public_key, const uint8_t* signature) noexcept;

}  // namespace runnel
