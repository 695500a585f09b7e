#include "converters/gguf/gguf_parse.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "converters/gguf/gguf_types.h"
#include "converters/text.h"
#include "kernels/base/checked.h"

namespace runnel {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF numbers are read as they lie");

// Fewest bytes that one item can take: counts beyond (bytes left / this) are lies, found before anything is allocated.
constexpr uint64_t kLeastEntryBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kLeastTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;
constexpr uint64_t kMostNameBytes = 65535;  // the specification's limit for keys
constexpr uint64_t kMostAlignment = 65536;
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint32_t kMostDims = 4;

template <class T>
T load(const uint8_t* p) noexcept {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Walks the bytes; every step is checked against what is left.
class Cursor {
 public:
  explicit Cursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint64_t position() const { return position_; }
  uint64_t left() const { return bytes_.size() - position_; }
  const uint8_t* here() const { return bytes_.data() + position_; }

  bool skip(uint64_t bytes) {
    if (bytes > left()) return false;
    position_ += bytes;
    return true;
  }
  template <class T>
  bool read(T* value) {
    if (left() < sizeof(T)) return false;
    *value = load<T>(here());
    position_ += sizeof(T);
    return true;
  }
  bool read_text(std::string_view* text) {
    uint64_t length;
    if (!read(&length) || length > left()) return false;
    *text = {reinterpret_cast<const char*>(here()), static_cast<size_t>(length)};
    position_ += length;
    return true;
  }

 private:
  std::span<const uint8_t> bytes_;
  uint64_t position_ = 0;
};

Status truncated(const Cursor& cursor, const char* what) {
  return Status::error(Code::corrupt_file, "gguf: the file ends, or a length points past its end, in %s at byte %llu",
                       what, static_cast<unsigned long long>(cursor.position()));
}

Status check_booleans(const GgufEntry& entry) {
  for (uint8_t byte : entry.bytes)
    if (byte > 1)
      return Status::error(Code::corrupt_file, "gguf: key %s holds %u where a bool should be",
                           in_quotes(entry.key).c_str(), byte);
  return {};
}

// The value, or the elements of the array, that follow the type; entry->type and entry->count are set.
Status read_values(Cursor& cursor, GgufEntry* entry) {
  const uint8_t* begin = cursor.here();
  if (entry->type == GgufType::string) {
    if (entry->count > cursor.left() / 8) return truncated(cursor, in_quotes(entry->key).c_str());
    std::string_view text;
    for (uint64_t i = 0; i < entry->count; ++i)
      if (!cursor.read_text(&text)) return truncated(cursor, in_quotes(entry->key).c_str());
  } else {
    uint64_t bytes;
    if (!checked_mul<uint64_t>(entry->count, gguf_element_bytes(entry->type), &bytes) || !cursor.skip(bytes))
      return truncated(cursor, in_quotes(entry->key).c_str());
  }
  entry->bytes = {begin, cursor.here()};
  return entry->type == GgufType::boolean ? check_booleans(*entry) : Status();
}

Status read_entry(Cursor& cursor, GgufEntry* entry) {
  if (!cursor.read_text(&entry->key)) return truncated(cursor, "a metadata key");
  if (entry->key.empty() || entry->key.size() > kMostNameBytes)
    return Status::error(Code::corrupt_file, "gguf: a metadata key has %zu bytes (1 to %llu are allowed)",
                         entry->key.size(), static_cast<unsigned long long>(kMostNameBytes));
  uint32_t type;
  if (!cursor.read(&type)) return truncated(cursor, in_quotes(entry->key).c_str());
  if (type == static_cast<uint32_t>(GgufType::array)) {
    entry->is_array = true;
    if (!cursor.read(&type) || !cursor.read(&entry->count)) return truncated(cursor, in_quotes(entry->key).c_str());
    if (type == static_cast<uint32_t>(GgufType::array))
      return Status::error(Code::unsupported, "gguf: key %s is an array of arrays", in_quotes(entry->key).c_str());
  }
  if (type > static_cast<uint32_t>(GgufType::f64))
    return Status::error(Code::corrupt_file, "gguf: key %s has value type %u (0 to 12 are defined)",
                         in_quotes(entry->key).c_str(), type);
  entry->type = static_cast<GgufType>(type);
  return read_values(cursor, entry);
}

// Row and matrix sizes from the file's dimensions, innermost first.
Status set_shape(std::span<const uint64_t> dims, const GgmlType& type, GgufTensor* tensor, uint64_t* bytes) {
  const std::string name = in_quotes(tensor->name);
  uint64_t depth = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 || dims[i] > std::numeric_limits<int32_t>::max())
      return Status::error(Code::corrupt_file, "gguf: tensor %s has dimension %zu = %llu (1 to 2^31 - 1 are allowed)",
                           name.c_str(), i, static_cast<unsigned long long>(dims[i]));
    if (i >= 2 && !checked_mul(depth, dims[i], &depth)) depth = std::numeric_limits<uint64_t>::max();
  }
  if (depth > std::numeric_limits<int32_t>::max())
    return Status::error(Code::corrupt_file, "gguf: tensor %s has too many matrices", name.c_str());
  tensor->cols = static_cast<uint32_t>(dims[0]);
  tensor->rows = dims.size() > 1 ? static_cast<uint32_t>(dims[1]) : 1;
  tensor->depth = static_cast<uint32_t>(depth);
  if (tensor->cols % type.group != 0)
    return Status::error(Code::corrupt_file, "gguf: tensor %s has rows of %u values, not a multiple of %s's %u",
                         name.c_str(), tensor->cols, type.name, type.group);
  if (!checked_mul<uint64_t>(tensor->cols / type.group, type.block_bytes, &tensor->row_bytes) ||
      !checked_mul<uint64_t>(tensor->row_bytes, tensor->rows, bytes) ||
      !checked_mul<uint64_t>(*bytes, tensor->depth, bytes))
    return Status::error(Code::corrupt_file, "gguf: the size of tensor %s does not fit 64 bits", name.c_str());
  return {};
}

// Where a tensor's bytes lie, relative to the data section, until the section's begin is known.
struct Place {
  uint64_t offset, bytes;
  uint32_t tensor;
};

Status read_tensor(Cursor& cursor, GgufTensor* tensor, Place* place) {
  if (!cursor.read_text(&tensor->name)) return truncated(cursor, "a tensor's name");
  if (tensor->name.empty() || tensor->name.size() > kMostNameBytes)
    return Status::error(Code::corrupt_file, "gguf: a tensor's name has %zu bytes (1 to %llu are allowed)",
                         tensor->name.size(), static_cast<unsigned long long>(kMostNameBytes));
  const std::string name = in_quotes(tensor->name);
  uint32_t dim_count;
  if (!cursor.read(&dim_count)) return truncated(cursor, name.c_str());
  if (dim_count == 0 || dim_count > kMostDims)
    return Status::error(Code::corrupt_file, "gguf: tensor %s has %u dimensions (1 to %u are allowed)", name.c_str(),
                         dim_count, kMostDims);
  uint64_t dims[kMostDims];
  for (uint32_t i = 0; i < dim_count; ++i)
    if (!cursor.read(&dims[i])) return truncated(cursor, name.c_str());
  uint32_t type_id;
  if (!cursor.read(&type_id) || !cursor.read(&place->offset)) return truncated(cursor, name.c_str());
  const GgmlType* type = find_ggml_type(type_id);
  if (type == nullptr)
    return Status::error(Code::unsupported, "gguf: tensor %s has unknown type id %u", name.c_str(), type_id);
  tensor->ggml_type = type->id;
  return set_shape({dims, dim_count}, *type, tensor, &place->bytes);
}

Status index_entries(GgufParsed* out) {
  out->entries_by_key.resize(out->entries.size());
  for (uint32_t i = 0; i < out->entries.size(); ++i) out->entries_by_key[i] = i;
  const auto key = [&](uint32_t i) { return out->entries[i].key; };
  std::sort(out->entries_by_key.begin(), out->entries_by_key.end(),
            [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
  const auto twin = std::adjacent_find(out->entries_by_key.begin(), out->entries_by_key.end(),
                                       [&](uint32_t a, uint32_t b) { return key(a) == key(b); });
  if (twin == out->entries_by_key.end()) return {};
  return Status::error(Code::corrupt_file, "gguf: key %s is there twice", in_quotes(key(*twin)).c_str());
}

Status read_alignment(const GgufParsed& parsed, uint64_t* alignment) {
  *alignment = kDefaultAlignment;
  for (const GgufEntry& entry : parsed.entries) {
    if (entry.key != "general.alignment") continue;
    if (entry.is_array || entry.type != GgufType::u32)
      return Status::error(Code::corrupt_file, "gguf: general.alignment is not a u32");
    *alignment = load<uint32_t>(entry.bytes.data());
    if (!is_power_of_two(*alignment) || *alignment > kMostAlignment)
      return Status::error(Code::corrupt_file, "gguf: general.alignment is %llu, not a power of two up to %llu",
                           static_cast<unsigned long long>(*alignment),
                           static_cast<unsigned long long>(kMostAlignment));
  }
  return {};
}

Status place_tensors(std::span<const uint8_t> bytes, uint64_t alignment, std::vector<Place>& places, GgufParsed* out) {
  for (const Place& place : places) {
    GgufTensor& tensor = out->tensors[place.tensor];
    const std::string name = in_quotes(tensor.name);
    if (place.offset % alignment != 0)
      return Status::error(Code::corrupt_file, "gguf: tensor %s begins at offset %llu, not a multiple of %llu",
                           name.c_str(), static_cast<unsigned long long>(place.offset),
                           static_cast<unsigned long long>(alignment));
    const uint64_t data_bytes = bytes.size() > out->data_offset ? bytes.size() - out->data_offset : 0;
    if (!range_fits(place.offset, place.bytes, data_bytes))
      return Status::error(Code::corrupt_file,
                           "gguf: tensor %s needs %llu bytes at offset %llu, but the file holds %llu bytes of weights "
                           "(is it cut short?)",
                           name.c_str(), static_cast<unsigned long long>(place.bytes),
                           static_cast<unsigned long long>(place.offset), static_cast<unsigned long long>(data_bytes));
    tensor.data = bytes.data() + out->data_offset + place.offset;
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.offset < b.offset; });
  for (size_t i = 1; i < places.size(); ++i)
    if (places[i].offset - places[i - 1].offset < places[i - 1].bytes)
      return Status::error(Code::corrupt_file, "gguf: tensors %s and %s overlap",
                           in_quotes(out->tensors[places[i - 1].tensor].name).c_str(),
                           in_quotes(out->tensors[places[i].tensor].name).c_str());
  return {};
}

Status read_header(Cursor& cursor, uint32_t* version, uint64_t* tensor_count, uint64_t* entry_count) {
  uint32_t magic;
  if (!cursor.read(&magic)) return truncated(cursor, "the header");
  if (std::memcmp(&magic, "GGUF", 4) != 0)
    return Status::error(Code::corrupt_file, "gguf: the file does not begin with GGUF");
  if (!cursor.read(version)) return truncated(cursor, "the header");
  if (*version != 2 && *version != 3) {
    if ((*version & 0xffff) == 0)
      return Status::error(Code::unsupported, "gguf: the file is big-endian, which is not supported");
    return Status::error(Code::unsupported, "gguf: the file has version %u; 2 and 3 are supported", *version);
  }
  if (!cursor.read(tensor_count) || !cursor.read(entry_count)) return truncated(cursor, "the header");
  if (*entry_count > cursor.left() / kLeastEntryBytes)
    return Status::error(Code::corrupt_file, "gguf: the header claims %llu metadata keys in %llu bytes",
                         static_cast<unsigned long long>(*entry_count), static_cast<unsigned long long>(cursor.left()));
  if (*tensor_count > cursor.left() / kLeastTensorBytes)
    return Status::error(Code::corrupt_file, "gguf: the header claims %llu tensors in %llu bytes",
                         static_cast<unsigned long long>(*tensor_count),
                         static_cast<unsigned long long>(cursor.left()));
  return {};
}

}  // namespace

Status parse_gguf(std::span<const uint8_t> bytes, GgufParsed* out) {
  Cursor cursor(bytes);
  uint64_t tensor_count = 0, entry_count = 0;
  RUNNEL_TRY(read_header(cursor, &out->version, &tensor_count, &entry_count));
  for (uint64_t i = 0; i < entry_count; ++i) {
    GgufEntry entry;
    RUNNEL_TRY(read_entry(cursor, &entry));
    out->entries.push_back(entry);
  }
  RUNNEL_TRY(index_entries(out));
  uint64_t alignment = kDefaultAlignment;
  RUNNEL_TRY(read_alignment(*out, &alignment));

  std::vector<Place> places;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    GgufTensor tensor;
    Place place;
    RUNNEL_TRY(read_tensor(cursor, &tensor, &place));
    place.tensor = static_cast<uint32_t>(i);
    out->tensors.push_back(tensor);
    places.push_back(place);
  }
  out->data_offset = round_up(cursor.position(), alignment);
  return place_tensors(bytes, alignment, places, out);
}

uint32_t gguf_element_bytes(GgufType type) noexcept {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean: return 1;
    case GgufType::u16:
    case GgufType::i16: return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32: return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64: return 8;
    case GgufType::string:
    case GgufType::array: break;
  }
  return 0;
}

const char* gguf_type_name(GgufType type) noexcept {
  constexpr const char* kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                    "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<uint32_t>(type)];
}

}  // namespace runnel
