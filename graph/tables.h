// Tables: one allocation that holds all of an object's arrays. The same code first counts the bytes, then takes them,
// so a plan's figure cannot differ from what is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "kernels/base/memory.h"

namespace runnel {

// Owns one allocation.
class Block {
 public:
  Block() noexcept = default;
  // Null data() when memory ran out.
  explicit Block(size_t bytes) noexcept : data_(static_cast<uint8_t*>(allocate(bytes))) {}
  Block(Block&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~Block() { release(data_); }

  uint8_t* data() const noexcept { return data_; }

 private:
  uint8_t* data_ = nullptr;
};

class Tables {
 public:
  // Counts only.
  Tables() noexcept = default;
  // Takes from memory (64-byte aligned) that a counting pass measured.
  explicit Tables(void* memory) noexcept : memory_(static_cast<uint8_t*>(memory)) {}

  // `count` value-initialised elements; while counting, an empty span. Counts come from arrays in memory, so the sum
  // cannot overflow.
  template <class T>
  std::span<T> take(size_t count) noexcept {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 64);
    const size_t begin = (bytes_ + alignof(T) - 1) / alignof(T) * alignof(T);
    bytes_ = begin + count * sizeof(T);
    if (memory_ == nullptr) return {};
    T* first = reinterpret_cast<T*>(memory_ + begin);
    for (size_t i = 0; i < count; ++i) new (first + i) T();
    return {first, count};
  }
  size_t bytes() const noexcept { return bytes_; }

 private:
  uint8_t* memory_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace runnel
