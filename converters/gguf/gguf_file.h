// Reader of GGUF v2 and v3, single and split files (the GGUF specification, ggml-org/ggml docs/gguf.md). Maps the file;
// every count, length, offset and type is checked against the bytes that are there before anything is allocated.
//
// Ownership: owns the mapping; all views are borrowed from it. Thread rule: const members any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runnel/status.h"

namespace runnel {

enum class GgufType : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

// One metadata entry: a view of its bytes in the mapping.
struct GgufEntry {
  std::string_view key;
  GgufType type;  // of the entry, or of the elements when is_array
  bool is_array = false;
  uint64_t count = 1;              // elements
  std::span<const uint8_t> bytes;  // the value(s) as stored; strings as u64 length + bytes each
};

struct GgufTensor {
  std::string_view name;
  int32_t ggml_type;
  uint32_t rows = 1, cols = 1;  // outermost first: GGUF's ne[0] is cols. 3-d tensors have depth > 1
  uint32_t depth = 1;
  const uint8_t* data = nullptr;  // mapped; row_bytes * rows * depth bytes, checked to be inside the file
  uint64_t row_bytes = 0;
};

class GgufFile {
 public:
  // The first file of a split set opens them all. Vocabulary-only files have no tensors.
  static Result<GgufFile> open(const char* path) noexcept;
  static Result<GgufFile> open_memory(std::span<const uint8_t> bytes) noexcept;
  GgufFile(GgufFile&&) noexcept;
  GgufFile& operator=(GgufFile&&) noexcept;
  ~GgufFile();

  const GgufEntry* find(std::string_view key) const noexcept;  // null when absent
  const GgufTensor* tensor(std::string_view name) const noexcept;
  std::span<const GgufEntry> entries() const noexcept;
  std::span<const GgufTensor> tensors() const noexcept;
  uint64_t file_bytes() const noexcept;
  // The mapped files, in split order (none for open_memory).
  size_t file_count() const noexcept;
  const std::string& file_name(size_t i) const noexcept;
  std::span<const uint8_t> file(size_t i) const noexcept;

  // Typed look-ups. A missing key gives `fallback`; a key of another type is corrupt_file. Any integer type that fits.
  Result<uint64_t> u64(std::string_view key, uint64_t fallback) const noexcept;
  Result<double> f64(std::string_view key, double fallback) const noexcept;
  Result<bool> boolean(std::string_view key, bool fallback) const noexcept;
  Result<std::string_view> string(std::string_view key, std::string_view fallback) const noexcept;
  // Array look-ups; empty when absent.
  Result<std::vector<std::string_view>> strings(std::string_view key) const noexcept;
  Result<std::vector<int64_t>> integers(std::string_view key) const noexcept;
  Result<std::vector<float>> floats(std::string_view key) const noexcept;

 private:
  struct Impl;
  explicit GgufFile(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
