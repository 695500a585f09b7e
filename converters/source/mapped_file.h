// A whole file, mapped read-only.
//
// Ownership: owns the mapping; the bytes live as long as it does. Thread rule: const members any thread.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "runnel/status.h"

namespace runnel {

class MappedFile {
 public:
  // Only regular files. An empty file gives an empty span. `who` speaks in messages.
  MappedFile() noexcept = default;
  static Result<MappedFile> open(const char* path, const char* who) noexcept;
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile();

  std::span<const uint8_t> bytes() const noexcept { return {data_, size_}; }

 private:
  MappedFile(const uint8_t* data, size_t size) noexcept : data_(data), size_(size) {}
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Tells the system that mapped bytes will not be read again soon, so that a long sequential pass stays small. Only
// whole pages inside the span are dropped; the bytes stay readable.
void drop_mapped(std::span<const uint8_t> bytes) noexcept;

}  // namespace runnel
