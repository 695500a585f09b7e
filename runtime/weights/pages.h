// Pages straight from the system, given back when their owner goes.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <utility>

#include "kernels/base/memory.h"

namespace runnel {

class Pages {
 public:
  Pages() noexcept = default;
  Pages(Pages&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Pages() { unmap_pages(data_, bytes_); }

  // Zeroed; backed as they are touched. Requires: nothing was taken yet.
  [[nodiscard]] bool take(uint64_t bytes) noexcept {
    bytes_ = static_cast<size_t>(bytes);
    data_ = bytes_ == bytes ? static_cast<uint8_t*>(map_pages(bytes_)) : nullptr;
    return data_ != nullptr;
  }
  uint8_t* data() const noexcept { return data_; }
  size_t bytes() const noexcept { return bytes_; }

 private:
  uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace runnel
