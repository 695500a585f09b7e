#include "graph/file/format.h"

#include <cstdio>
#include <cstring>

#include "kernels/base/checked.h"
#include "kernels/base/fields.h"

namespace runnel::rnl {
namespace {

bool starts_with(std::span<const uint8_t> bytes, std::string_view text, size_t at = 0) noexcept {
  return range_fits<size_t>(at, text.size(), bytes.size()) &&
         std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

// What people hand over instead of a model file. Null when nothing comes to mind.
const char* looks_like(std::span<const uint8_t> bytes) noexcept {
  if (starts_with(bytes, "GGUF")) return "a GGUF file: convert it first (runnel convert)";
  if (bytes.size() > 8 && bytes[8] == '{' && get<uint64_t>(bytes.data(), 0) < (uint64_t{1} << 32)) {
    return "a safetensors file: convert its folder first (runnel convert)";
  }
  if (starts_with(bytes, "version https://git-lfs")) return "a Git LFS pointer: the file itself was not downloaded";
  if (starts_with(bytes, "PK\3\4")) return "a zip archive (or a PyTorch checkpoint)";
  if (starts_with(bytes, "TFL3", 4)) return "a TensorFlow Lite file";
  if (starts_with(bytes, "\x1f\x8b")) return "a gzip archive: unpack it first";
  if (starts_with(bytes, "\x28\xb5\x2f\xfd")) return "a Zstandard archive: unpack it first";
  if (starts_with(bytes,
                  "\x7f"
                  "ELF"))
    return "a program";
  if (starts_with(bytes, "\x80\x02") || starts_with(bytes, "\x80\x04")) return "a Python pickle";
  if (starts_with(bytes, "<!") || starts_with(bytes, "<html")) return "a web page: the download went wrong";
  if (starts_with(bytes, "{")) return "JSON text";
  if (starts_with(bytes, std::string_view("\x89RNL\n", 5))) return "a model file damaged by a text-mode transfer";
  return nullptr;
}

Status not_a_model(std::span<const uint8_t> bytes) noexcept {
  if (const char* what = looks_like(bytes)) {
    return Status::error(Code::corrupt_file, "not a model file; it looks like %s", what);
  }
  return Status::error(Code::corrupt_file, "not a model file: it does not begin with the magic bytes of one");
}

bool consistent(const Prelude& p) noexcept {
  uint64_t header_end = 0, data_end = 0;
  if (!checked_add<uint64_t>(kPreludeBytes, p.header_bytes, &header_end)) return false;
  if (header_end > p.data_offset || p.data_offset > kMaxHeaderBytes) return false;
  if (p.shard_count == 0 || p.shard_count > kMaxShards || p.shard_index >= p.shard_count) return false;
  if ((p.header_bytes != 0) != (p.shard_index == 0)) return false;
  if (p.data_offset % (p.shard_count > 1 ? kShardDataAlignment : kLayerAlignment) != 0) return false;
  if (p.shard_index == 0 && p.data_begin != 0) return false;
  if (!range_fits(p.data_begin, p.data_bytes, p.total_data_bytes)) return false;
  if (p.shard_count == 1 && p.data_bytes != p.total_data_bytes) return false;
  return checked_add(p.data_offset, p.data_bytes, &data_end);
}

}  // namespace

uint32_t runtime_version() noexcept {
  return pack_version(RUNNEL_VERSION_MAJOR, RUNNEL_VERSION_MINOR, RUNNEL_VERSION_PATCH);
}

VersionText version_text(uint32_t packed) noexcept {
  VersionText out;
  std::snprintf(out.text, sizeof out.text, "%u.%u.%u", packed >> 16 & 0xffff, packed >> 8 & 0xff, packed & 0xff);
  return out;
}

bool encode_prelude(const Prelude& p, uint8_t* out) noexcept {
  std::memset(out, 0, kPreludeBytes);
  std::memcpy(out, kMagic, sizeof kMagic);
  put<uint32_t>(out, 8, p.version);
  put<uint32_t>(out, 12, kPreludeBytes);
  put<uint64_t>(out, 16, p.header_bytes);
  put<uint64_t>(out, 24, p.data_offset);
  put<uint64_t>(out, 32, p.data_begin);
  put<uint64_t>(out, 40, p.data_bytes);
  put<uint64_t>(out, 48, p.total_data_bytes);
  put<uint32_t>(out, 56, p.shard_index);
  put<uint32_t>(out, 60, p.shard_count);
  std::memcpy(out + 64, p.header_hash.bytes, 32);
  std::memcpy(out + 96, p.chunks_hash.bytes, 32);
  std::memcpy(out + 128, p.public_key, 32);
  std::memcpy(out + 160, p.signature, 64);
  Digest digest;
  if (!sha256({out, kSignedPartBytes}, &digest)) return false;
  std::memcpy(out + kSignedPartBytes, digest.bytes, 32);
  return true;
}

Status decode_prelude(std::span<const uint8_t> bytes, uint64_t file_bytes, Prelude* out) noexcept {
  if (bytes.empty()) return Status::error(Code::corrupt_file, "the file is empty");
  const size_t magic_bytes = bytes.size() < sizeof kMagic ? bytes.size() : sizeof kMagic;
  if (std::memcmp(bytes.data(), kMagic, magic_bytes) != 0) return not_a_model(bytes);
  if (bytes.size() < kPreludeBytes) {
    return Status::error(Code::corrupt_file, "truncated: %llu bytes, not even the %u of the prelude",
                         static_cast<unsigned long long>(file_bytes), kPreludeBytes);
  }
  const uint8_t* in = bytes.data();
  Digest digest;
  if (!sha256({in, kSignedPartBytes}, &digest)) return out_of_memory("model file", "a hash");
  if (std::memcmp(digest.bytes, in + kSignedPartBytes, 32) != 0) {
    return Status::error(Code::corrupt_file, "the prelude (first %u bytes) does not match its hash", kPreludeBytes);
  }
  // Every version keeps magic, version and the hash in place, so an unknown version can be told from damage.
  Prelude p;
  p.version = get<uint32_t>(in, 8);
  if (p.version != kFormatVersion) {
    return Status::error(Code::unsupported, "format version %u; this runtime reads version %u", p.version,
                         kFormatVersion);
  }
  p.header_bytes = get<uint64_t>(in, 16);
  p.data_offset = get<uint64_t>(in, 24);
  p.data_begin = get<uint64_t>(in, 32);
  p.data_bytes = get<uint64_t>(in, 40);
  p.total_data_bytes = get<uint64_t>(in, 48);
  p.shard_index = get<uint32_t>(in, 56);
  p.shard_count = get<uint32_t>(in, 60);
  std::memcpy(p.header_hash.bytes, in + 64, 32);
  std::memcpy(p.chunks_hash.bytes, in + 96, 32);
  std::memcpy(p.public_key, in + 128, 32);
  std::memcpy(p.signature, in + 160, 64);
  if (get<uint32_t>(in, 12) != kPreludeBytes || !consistent(p)) {
    return Status::error(Code::corrupt_file, "the prelude contradicts itself");
  }
  const uint64_t expected = p.data_offset + p.data_bytes;
  if (file_bytes != expected) {
    return Status::error(Code::corrupt_file, "%s: %llu bytes, the header says %llu",
                         file_bytes < expected ? "truncated" : "bytes after the end",
                         static_cast<unsigned long long>(file_bytes), static_cast<unsigned long long>(expected));
  }
  *out = p;
  return {};
}

bool shard_path(std::string_view path, uint32_t index, uint32_t count, Array<char>* out) noexcept {
  constexpr std::string_view kExtension = ".rnl";
  if (path.ends_with(kExtension)) path.remove_suffix(kExtension.size());
  char tail[32];
  const int bytes = std::snprintf(tail, sizeof tail, "-%05u-of-%05u.rnl", index + 1, count);
  out->clear();
  return out->append({path.data(), path.size()}) && out->append({tail, static_cast<size_t>(bytes) + 1});
}

std::string_view shard_stem(std::string_view path) noexcept {
  constexpr std::string_view kPattern = "-00000-of-00000.rnl";
  if (path.size() <= kPattern.size()) return {};
  const std::string_view tail = path.substr(path.size() - kPattern.size());
  for (size_t i = 0; i < kPattern.size(); ++i) {
    const bool digit = tail[i] >= '0' && tail[i] <= '9';
    if (kPattern[i] == '0' ? !digit : tail[i] != kPattern[i]) return {};
  }
  return path.substr(0, path.size() - kPattern.size());
}

}  // namespace runnel::rnl
