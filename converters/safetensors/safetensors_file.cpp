#include "converters/safetensors/safetensors_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "converters/guard.h"
#include "converters/json_text.h"
#include "converters/text.h"
#include "kernels/base/checked.h"

namespace runnel {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors numbers are read as they lie");

constexpr uint64_t kMostHeaderBytes = 64u << 20;
constexpr size_t kMostDims = 8;

// Bits of an element; 0 for a type that the format does not have.
uint32_t element_bits(std::string_view dtype) noexcept {
  struct Row {
    std::string_view name;
    uint32_t bits;
  };
  constexpr Row kRows[] = {{"F64", 64}, {"F32", 32}, {"F16", 16},    {"BF16", 16},   {"I64", 64},   {"I32", 32},
                           {"I16", 16}, {"I8", 8},   {"U64", 64},    {"U32", 32},    {"U16", 16},   {"U8", 8},
                           {"BOOL", 8}, {"C64", 64}, {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}};
  for (const Row& row : kRows)
    if (row.name == dtype) return row.bits;
  return 0;
}

Status bad(const std::string& name, const char* what) {
  return Status::error(Code::corrupt_file, "safetensors: tensor %s: %s", in_quotes(name).c_str(), what);
}

bool is_count(const nlohmann::json& value) { return value.is_number_unsigned(); }

// One entry of the header; `data` is all that follows the header.
Status read_tensor(const std::string& name, const nlohmann::json& entry, std::span<const uint8_t> data,
                   SafetensorsTensor* out) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets"))
    return bad(name, "not an object of dtype, shape and data_offsets");
  const auto &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (!dtype.is_string() || !shape.is_array() || shape.size() > kMostDims || !offsets.is_array() ||
      offsets.size() != 2 || !is_count(offsets[0]) || !is_count(offsets[1]))
    return bad(name, "dtype, shape or data_offsets have a wrong form");
  out->name = name;
  out->dtype = dtype.get<std::string>();
  const uint32_t bits = element_bits(out->dtype);
  if (bits == 0)
    return Status::error(Code::unsupported, "safetensors: tensor %s has unknown dtype %s", in_quotes(name).c_str(),
                         in_quotes(out->dtype).c_str());
  uint64_t bytes = bits / 8;
  for (const auto& dim : shape) {
    if (!is_count(dim)) return bad(name, "a dimension is not a count");
    out->shape.push_back(dim.get<uint64_t>());
    if (!checked_mul(bytes, out->shape.back(), &bytes)) return bad(name, "the size does not fit 64 bits");
  }
  const auto begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>();
  if (begin > end || end > data.size())
    return Status::error(Code::corrupt_file,
                         "safetensors: tensor %s lies at bytes %llu to %llu, the file holds %zu bytes of tensors (is "
                         "it cut short?)",
                         in_quotes(name).c_str(), static_cast<unsigned long long>(begin),
                         static_cast<unsigned long long>(end), data.size());
  if (end - begin != bytes)
    return Status::error(Code::corrupt_file, "safetensors: tensor %s has %llu bytes, its shape needs %llu",
                         in_quotes(name).c_str(), static_cast<unsigned long long>(end - begin),
                         static_cast<unsigned long long>(bytes));
  out->bytes = data.subspan(begin, bytes);
  return {};
}

Status check_overlaps(std::span<const SafetensorsTensor> tensors) {
  std::vector<const SafetensorsTensor*> order;
  for (const SafetensorsTensor& tensor : tensors)
    if (!tensor.bytes.empty()) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->bytes.data() < b->bytes.data(); });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i - 1]->bytes.data() + order[i - 1]->bytes.size() > order[i]->bytes.data())
      return Status::error(Code::corrupt_file, "safetensors: tensors %s and %s overlap",
                           in_quotes(order[i - 1]->name).c_str(), in_quotes(order[i]->name).c_str());
  return {};
}

Result<std::vector<SafetensorsTensor>> parse(std::span<const uint8_t> bytes) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length)
    return Status::error(Code::corrupt_file, "safetensors: %zu bytes are too few for a header", bytes.size());
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kMostHeaderBytes || length > bytes.size() - sizeof length)
    return Status::error(Code::corrupt_file, "safetensors: the header claims %llu bytes of a file of %zu",
                         static_cast<unsigned long long>(length), bytes.size());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof length, length);
  RUNNEL_ASSIGN(const nlohmann::json header, parse_json(text, "safetensors"));
  if (!header.is_object()) return Status::error(Code::corrupt_file, "safetensors: the header is not an object");
  std::vector<SafetensorsTensor> tensors;
  for (const auto& [name, entry] : header.items()) {  // ascending: nlohmann's objects are sorted
    if (name == "__metadata__") continue;
    SafetensorsTensor tensor;
    RUNNEL_TRY(read_tensor(name, entry, bytes.subspan(sizeof length + length), &tensor));
    tensors.push_back(std::move(tensor));
  }
  RUNNEL_TRY(check_overlaps(tensors));
  return tensors;
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const char* path) noexcept {
  return guarded("safetensors", [&]() -> Result<SafetensorsFile> {
    RUNNEL_ASSIGN(MappedFile map, MappedFile::open(path, "safetensors"));
    SafetensorsFile file(std::move(map));
    file.bytes_ = file.map_.bytes();
    auto tensors = parse(file.map_.bytes());
    if (!tensors.ok()) return std::move(tensors).status().with_context("%s", path);
    file.tensors_ = *std::move(tensors);
    return file;
  });
}

Result<SafetensorsFile> SafetensorsFile::open_memory(std::span<const uint8_t> bytes) noexcept {
  return guarded("safetensors", [&]() -> Result<SafetensorsFile> {
    SafetensorsFile file{MappedFile{}};
    file.bytes_ = bytes;
    RUNNEL_ASSIGN(file.tensors_, parse(bytes));
    return file;
  });
}

const SafetensorsTensor* SafetensorsFile::tensor(std::string_view name) const noexcept {
  const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const SafetensorsTensor& t, std::string_view wanted) { return t.name < wanted; });
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace runnel
