#include "converters/gguf/gguf_file.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

#include "converters/gguf/gguf_parse.h"
#include "converters/guard.h"
#include "converters/source/mapped_file.h"
#include "converters/text.h"

namespace runnel {

struct GgufFile::Impl {
  std::vector<std::string> names;  // of maps
  std::vector<MappedFile> maps;    // one a split; none for open_memory
  GgufParsed parsed;               // of the first split; its tensors are those of all splits
  std::vector<uint32_t> tensors_by_name;
  uint64_t file_bytes = 0;
};

namespace {

constexpr uint64_t kMostSplits = 65535;  // split.count is a u16

template <class T>
T load(const uint8_t* p) noexcept {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

Status wrong_type(const GgufEntry& entry, const char* wanted) {
  return Status::error(Code::corrupt_file, "gguf: key %s is %s%s, not %s", in_quotes(entry.key).c_str(),
                       entry.is_array ? "an array of " : "of type ", gguf_type_name(entry.type), wanted);
}

// Element i of an integer entry as a 64-bit value and its sign; false for other types.
bool load_integer(const GgufEntry& entry, uint64_t i, int64_t* value, bool* beyond_int64) noexcept {
  const uint8_t* p = entry.bytes.data() + i * gguf_element_bytes(entry.type);
  *beyond_int64 = false;
  switch (entry.type) {
    case GgufType::u8: *value = *p; return true;
    case GgufType::i8: *value = load<int8_t>(p); return true;
    case GgufType::u16: *value = load<uint16_t>(p); return true;
    case GgufType::i16: *value = load<int16_t>(p); return true;
    case GgufType::u32: *value = load<uint32_t>(p); return true;
    case GgufType::i32: *value = load<int32_t>(p); return true;
    case GgufType::i64: *value = load<int64_t>(p); return true;
    case GgufType::u64: {
      const uint64_t raw = load<uint64_t>(p);
      *beyond_int64 = raw > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
      *value = static_cast<int64_t>(raw);
      return true;
    }
    default: return false;
  }
}

// "name-00001-of-00012.gguf" with another number; empty when `path` does not end like that for this count.
std::string split_path(const std::string& path, uint64_t number, uint64_t count) {
  char first[32], wanted[32];
  std::snprintf(first, sizeof first, "-00001-of-%05u.gguf", static_cast<unsigned>(count));
  std::snprintf(wanted, sizeof wanted, "-%05u-of-%05u.gguf", static_cast<unsigned>(number),
                static_cast<unsigned>(count));
  const size_t length = std::strlen(first);
  if (path.size() < length || path.compare(path.size() - length, length, first) != 0) return {};
  return path.substr(0, path.size() - length) + wanted;
}

Status index_tensors(std::span<const GgufTensor> tensors, std::vector<uint32_t>* by_name) {
  by_name->resize(tensors.size());
  for (uint32_t i = 0; i < tensors.size(); ++i) (*by_name)[i] = i;
  const auto name = [&](uint32_t i) { return tensors[i].name; };
  std::sort(by_name->begin(), by_name->end(), [&](uint32_t a, uint32_t b) { return name(a) < name(b); });
  const auto twin =
      std::adjacent_find(by_name->begin(), by_name->end(), [&](uint32_t a, uint32_t b) { return name(a) == name(b); });
  if (twin == by_name->end()) return {};
  return Status::error(Code::corrupt_file, "gguf: tensor %s is there twice", in_quotes(name(*twin)).c_str());
}

}  // namespace

Result<GgufFile> GgufFile::open_memory(std::span<const uint8_t> bytes) noexcept {
  return guarded("gguf", [&]() -> Result<GgufFile> {
    auto impl = std::make_unique<Impl>();
    impl->file_bytes = bytes.size();
    RUNNEL_TRY(parse_gguf(bytes, &impl->parsed));
    RUNNEL_TRY(index_tensors(impl->parsed.tensors, &impl->tensors_by_name));
    GgufFile file(impl.release());
    RUNNEL_ASSIGN(const uint64_t splits, file.u64("split.count", 1));
    if (splits > 1)
      return Status::error(Code::unsupported, "gguf: a split file (%llu parts) can only be opened by its path",
                           static_cast<unsigned long long>(splits));
    return file;
  });
}

Result<GgufFile> GgufFile::open(const char* path) noexcept {
  return guarded("gguf", [&]() -> Result<GgufFile> {
    auto owned = std::make_unique<Impl>();
    RUNNEL_ASSIGN(MappedFile first, MappedFile::open(path, "gguf"));
    RUNNEL_TRY(parse_gguf(first.bytes(), &owned->parsed).with_context("%s", path));
    owned->file_bytes = first.bytes().size();
    owned->maps.push_back(std::move(first));
    owned->names.emplace_back(path);
    GgufFile file(owned.release());
    Impl& impl = *file.impl_;

    RUNNEL_ASSIGN(const uint64_t splits, file.u64("split.count", 1));
    RUNNEL_ASSIGN(const uint64_t number, file.u64("split.no", 0));
    if (splits > kMostSplits)
      return Status::error(Code::corrupt_file, "gguf: %s claims %llu parts", path,
                           static_cast<unsigned long long>(splits));
    if (number != 0)
      return Status::error(Code::invalid_argument, "gguf: %s is part %llu of %llu; give the first part", path,
                           static_cast<unsigned long long>(number + 1), static_cast<unsigned long long>(splits));
    for (uint64_t i = 1; i < splits; ++i) {
      const std::string name = split_path(path, i + 1, splits);
      if (name.empty())
        return Status::error(Code::invalid_argument,
                             "gguf: %s is the first of %llu parts, but is not named ...-00001-of-%05llu.gguf", path,
                             static_cast<unsigned long long>(splits), static_cast<unsigned long long>(splits));
      RUNNEL_ASSIGN(MappedFile map, MappedFile::open(name.c_str(), "gguf"));
      auto part_impl = std::make_unique<Impl>();
      RUNNEL_TRY(parse_gguf(map.bytes(), &part_impl->parsed).with_context("%s", name.c_str()));
      GgufFile part(part_impl.release());
      RUNNEL_ASSIGN(const uint64_t part_number, part.u64("split.no", 0));
      RUNNEL_ASSIGN(const uint64_t part_count, part.u64("split.count", 0));
      if (part_number != i || part_count != splits)
        return Status::error(Code::corrupt_file, "gguf: %s says it is part %llu of %llu, expected %llu of %llu",
                             name.c_str(), static_cast<unsigned long long>(part_number + 1),
                             static_cast<unsigned long long>(part_count), static_cast<unsigned long long>(i + 1),
                             static_cast<unsigned long long>(splits));
      const auto& more = part.impl_->parsed.tensors;
      impl.parsed.tensors.insert(impl.parsed.tensors.end(), more.begin(), more.end());
      impl.file_bytes += map.bytes().size();
      impl.maps.push_back(std::move(map));
      impl.names.push_back(name);
    }
    if (splits > 1) {
      RUNNEL_ASSIGN(const uint64_t tensors, file.u64("split.tensors.count", impl.parsed.tensors.size()));
      if (tensors != impl.parsed.tensors.size())
        return Status::error(Code::corrupt_file, "gguf: %s claims %llu tensors in all, its %llu parts hold %zu", path,
                             static_cast<unsigned long long>(tensors), static_cast<unsigned long long>(splits),
                             impl.parsed.tensors.size());
    }
    RUNNEL_TRY(index_tensors(impl.parsed.tensors, &impl.tensors_by_name).with_context("%s", path));
    return file;
  });
}

GgufFile::GgufFile(GgufFile&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
GgufFile& GgufFile::operator=(GgufFile&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
GgufFile::~GgufFile() { delete impl_; }

const GgufEntry* GgufFile::find(std::string_view key) const noexcept {
  const auto& order = impl_->parsed.entries_by_key;
  const auto& entries = impl_->parsed.entries;
  const auto at = std::lower_bound(order.begin(), order.end(), key,
                                   [&](uint32_t i, std::string_view wanted) { return entries[i].key < wanted; });
  return at != order.end() && entries[*at].key == key ? &entries[*at] : nullptr;
}

const GgufTensor* GgufFile::tensor(std::string_view name) const noexcept {
  const auto& order = impl_->tensors_by_name;
  const auto& tensors = impl_->parsed.tensors;
  const auto at = std::lower_bound(order.begin(), order.end(), name,
                                   [&](uint32_t i, std::string_view wanted) { return tensors[i].name < wanted; });
  return at != order.end() && tensors[*at].name == name ? &tensors[*at] : nullptr;
}

std::span<const GgufEntry> GgufFile::entries() const noexcept { return impl_->parsed.entries; }
std::span<const GgufTensor> GgufFile::tensors() const noexcept { return impl_->parsed.tensors; }
uint64_t GgufFile::file_bytes() const noexcept { return impl_->file_bytes; }
size_t GgufFile::file_count() const noexcept { return impl_->maps.size(); }
const std::string& GgufFile::file_name(size_t i) const noexcept { return impl_->names[i]; }
std::span<const uint8_t> GgufFile::file(size_t i) const noexcept { return impl_->maps[i].bytes(); }

Result<uint64_t> GgufFile::u64(std::string_view key, uint64_t fallback) const noexcept {
  return guarded("gguf", [&]() -> Result<uint64_t> {
    const GgufEntry* entry = find(key);
    if (entry == nullptr) return fallback;
    int64_t value;
    bool beyond;
    if (entry->is_array || !load_integer(*entry, 0, &value, &beyond)) return wrong_type(*entry, "an integer");
    if (value < 0 && !beyond)
      return Status::error(Code::corrupt_file, "gguf: key %s is %lld, which cannot be negative", in_quotes(key).c_str(),
                           static_cast<long long>(value));
    return static_cast<uint64_t>(value);
  });
}

Result<double> GgufFile::f64(std::string_view key, double fallback) const noexcept {
  return guarded("gguf", [&]() -> Result<double> {
    const GgufEntry* entry = find(key);
    if (entry == nullptr) return fallback;
    if (!entry->is_array && entry->type == GgufType::f32) return double{load<float>(entry->bytes.data())};
    if (!entry->is_array && entry->type == GgufType::f64) return load<double>(entry->bytes.data());
    return wrong_type(*entry, "a float");
  });
}

Result<bool> GgufFile::boolean(std::string_view key, bool fallback) const noexcept {
  return guarded("gguf", [&]() -> Result<bool> {
    const GgufEntry* entry = find(key);
    if (entry == nullptr) return fallback;
    if (entry->is_array || entry->type != GgufType::boolean) return wrong_type(*entry, "a bool");
    return entry->bytes[0] != 0;
  });
}

Result<std::string_view> GgufFile::string(std::string_view key, std::string_view fallback) const noexcept {
  return guarded("gguf", [&]() -> Result<std::string_view> {
    const GgufEntry* entry = find(key);
    if (entry == nullptr) return fallback;
    if (entry->is_array || entry->type != GgufType::string) return wrong_type(*entry, "a string");
    return std::string_view(reinterpret_cast<const char*>(entry->bytes.data()) + 8, entry->bytes.size() - 8);
  });
}

Result<std::vector<std::string_view>> GgufFile::strings(std::string_view key) const noexcept {
  return guarded("gguf", [&]() -> Result<std::vector<std::string_view>> {
    std::vector<std::string_view> out;
    const GgufEntry* entry = find(key);
    if (entry == nullptr) return out;
    if (!entry->is_array || entry->type != GgufType::string) return wrong_type(*entry, "an array of strings");
    out.reserve(entry->count);
    const uint8_t* p = entry->bytes.data();
    for (uint64_t i = 0; i < entry->count; ++i) {  // lengths were checked when the file was parsed
      const auto length = load<uint64_t>(p);
      out.emplace_back(reinterpret_cast<const char*>(p) + 8, length);
      p += 8 + length;
    }
    return out;
  });
}

Result<std::vector<int64_t>> GgufFile::integers(std::string_view key) const noexcept {
  return guarded("gguf", [&]() -> Result<std::vector<int64_t>> {
    std::vector<int64_t> out;
    const GgufEntry* entry = find(key);
    if (entry == nullptr) return out;
    if (!entry->is_array) return wrong_type(*entry, "an array of integers");
    out.reserve(entry->count);
    for (uint64_t i = 0; i < entry->count; ++i) {
      int64_t value;
      bool beyond;
      if (!load_integer(*entry, i, &value, &beyond) || beyond) return wrong_type(*entry, "an array of integers");
      out.push_back(value);
    }
    return out;
  });
}

Result<std::vector<float>> GgufFile::floats(std::string_view key) const noexcept {
  return guarded("gguf", [&]() -> Result<std::vector<float>> {
    std::vector<float> out;
    const GgufEntry* entry = find(key);
    if (entry == nullptr) return out;
    if (!entry->is_array || entry->type != GgufType::f32) return wrong_type(*entry, "an array of floats");
    out.resize(entry->count);
    if (!out.empty()) std::memcpy(out.data(), entry->bytes.data(), entry->bytes.size());
    return out;
  });
}

}  // namespace runnel
