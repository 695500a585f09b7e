// The frame of a model file: the prelude that begins every shard, and the sizes and names that reader and writer
// share. docs/format.md is the description for people.
//
// Thread rule: any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

#include "graph/file/sha256.h"
#include "runnel/array.h"
#include "runnel/status.h"

namespace runnel::rnl {

static_assert(std::endian::native == std::endian::little, "weights are used in place, and are little-endian");

inline constexpr uint8_t kMagic[8] = {0x89, 'R', 'N', 'L', '\r', '\n', 0x1a, '\n'};
inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint32_t kPreludeBytes = 256;
inline constexpr uint32_t kSignedPartBytes = 224;  // the prelude's own hash covers these and follows them

inline constexpr uint64_t kTensorAlignment = 64;
inline constexpr uint64_t kLayerAlignment = 16384;      // data regions and layers begin at multiples of this
inline constexpr uint64_t kShardDataAlignment = 65536;  // of a sharded file: the largest page that systems use
inline constexpr uint32_t kChunkBytes = 1 << 20;
inline constexpr uint32_t kMinChunkBytes = 65536;
inline constexpr uint32_t kMaxChunkBytes = 64 << 20;

// Bounds on a header, far above any real model, so that a hostile one costs neither time nor memory.
inline constexpr uint64_t kMaxHeaderBytes = 64 << 20;  // to the data region
inline constexpr uint32_t kMaxShards = 99999;
inline constexpr uint32_t kMaxSections = 64;
inline constexpr uint32_t kMaxGoldens = 4096;
inline constexpr uint32_t kMaxNoteEntries = 65536;  // provenance, quality

constexpr uint32_t pack_version(uint32_t major, uint32_t minor, uint32_t patch) noexcept {
  return major << 16 | minor << 8 | patch;
}
uint32_t runtime_version() noexcept;  // of this build
// What files written now need: the first version.
inline constexpr uint32_t kMinimumRuntime = pack_version(0, 1, 0);

struct VersionText {
  char text[16];
};
VersionText version_text(uint32_t packed) noexcept;

struct Prelude {
  uint32_t version = kFormatVersion;
  uint64_t header_bytes = 0;      // of the FlatBuffer, which follows the prelude; 0 in shards after the first
  uint64_t data_offset = 0;       // where this file's part of the data region begins
  uint64_t data_begin = 0;        // the first byte of the data region that this file holds
  uint64_t data_bytes = 0;        // how many it holds
  uint64_t total_data_bytes = 0;  // of all shards
  uint32_t shard_index = 0, shard_count = 1;
  Digest header_hash;           // of the FlatBuffer: the model's identity, equal in all shards
  Digest chunks_hash;           // of the hashes of this file's chunks, so that a shard can be checked alone
  uint8_t public_key[32] = {};  // Ed25519; zeros when not signed
  uint8_t signature[64] = {};
};

// Fills out[0 .. kPreludeBytes), the prelude's own hash included. False when no memory is left.
[[nodiscard]] bool encode_prelude(const Prelude& prelude, uint8_t* out) noexcept;

// Reads and checks a prelude by itself; file_bytes is the whole file's size. `bytes` is the file's beginning, at most
// kPreludeBytes of it. corrupt_file says what a foreign file looks like.
Status decode_prelude(std::span<const uint8_t> bytes, uint64_t file_bytes, Prelude* out) noexcept;

// "name.rnl" or "name" -> "name-00003-of-00012.rnl" (index counts from 0), zero-terminated.
[[nodiscard]] bool shard_path(std::string_view path, uint32_t index, uint32_t count, Array<char>* out) noexcept;
// The inverse: the part before "-00001-of-00012.rnl"; empty when `path` has no such end.
std::string_view shard_stem(std::string_view path) noexcept;

}  // namespace runnel::rnl
