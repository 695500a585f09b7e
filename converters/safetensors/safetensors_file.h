// Reader of one safetensors file (the format of huggingface/safetensors): a JSON table of tensors, then their bytes.
// Maps the file; the header is bounded and every shape and offset checked against the bytes before use.
//
// Ownership: owns the mapping; all views are borrowed from it. Thread rule: const members any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/source/mapped_file.h"
#include "runnel/status.h"

namespace runnel {

struct SafetensorsTensor {
  std::string name;
  std::string dtype;            // "F32", "F16", "BF16", ...
  std::vector<uint64_t> shape;  // outermost first, as the file has it
  std::span<const uint8_t> bytes;
};

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const char* path) noexcept;
  // From bytes that outlive the result.
  static Result<SafetensorsFile> open_memory(std::span<const uint8_t> bytes) noexcept;

  std::span<const SafetensorsTensor> tensors() const noexcept { return tensors_; }  // by name
  const SafetensorsTensor* tensor(std::string_view name) const noexcept;            // null when absent
  std::span<const uint8_t> bytes() const noexcept { return bytes_; }                // the whole file

 private:
  explicit SafetensorsFile(MappedFile map) noexcept : map_(std::move(map)) {}
  MappedFile map_;
  std::vector<SafetensorsTensor> tensors_;
  std::span<const uint8_t> bytes_;
};

}  // namespace runnel
