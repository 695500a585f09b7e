// Array<T>: an owning, growable array whose allocation failure is a value, not the end of the process.
//
// Used in place of std::vector everywhere in kernels, graph and runtime, and in the public API where the library
// hands memory to the caller. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "runnel/status.h"

namespace runnel {

namespace detail {
void* array_allocate(size_t count, size_t element_bytes, size_t alignment) noexcept;  // null on overflow or exhaustion
void array_release(void* memory) noexcept;
}  // namespace detail

template <class T>
class Array {
  static_assert(std::is_nothrow_move_constructible_v<T>);

 public:
  Array() noexcept = default;
  Array(Array&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Array() {
    clear();
    detail::array_release(data_);
  }

  // Each returns false, the array unchanged, when memory runs out.
  [[nodiscard]] bool reserve(size_t count) noexcept {
    if (count <= capacity_) return true;
    void* memory = detail::array_allocate(count, sizeof(T), alignof(T));
    if (memory == nullptr) return false;
    T* moved = static_cast<T*>(memory);
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (size_ != 0) std::memcpy(static_cast<void*>(moved), data_, size_ * sizeof(T));
    } else {
      for (size_t i = 0; i < size_; ++i) {
        new (moved + i) T(std::move(data_[i]));
        data_[i].~T();
      }
    }
    detail::array_release(data_);
    data_ = moved;
    capacity_ = count;
    return true;
  }
  // Also has the system back all of it now, so that filling it later waits for no page.
  [[nodiscard]] bool reserve_backed(size_t count) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    if (!reserve(count)) return false;
    if (capacity_ > size_) std::memset(static_cast<void*>(data_ + size_), 0, (capacity_ - size_) * sizeof(T));
    return true;
  }
  [[nodiscard]] bool push(T value) noexcept {
    if (size_ == capacity_ && !reserve(capacity_ < 8 ? 16 : capacity_ * 2)) return false;
    new (data_ + size_++) T(std::move(value));
    return true;
  }
  [[nodiscard]] bool append(std::span<const T> values) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    const size_t wanted = size_ + values.size();
    if (wanted < size_) return false;
    if (wanted > capacity_ && !reserve(wanted > capacity_ * 2 ? wanted : capacity_ * 2)) return false;
    if (!values.empty()) std::memcpy(data_ + size_, values.data(), values.size_bytes());
    size_ = wanted;
    return true;
  }
  // New elements are value-initialised.
  [[nodiscard]] bool resize(size_t count) noexcept {
    if (!reserve(count)) return false;
    while (size_ > count) data_[--size_].~T();
    if constexpr (std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T>) {
      if (count > size_) std::memset(static_cast<void*>(data_ + size_), 0, (count - size_) * sizeof(T));
      size_ = count;
    } else {
      while (size_ < count) new (data_ + size_++) T();
    }
    return true;
  }
  void truncate(size_t count) noexcept {
    while (size_ > count) data_[--size_].~T();
  }
  void clear() noexcept { truncate(0); }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  size_t capacity() const noexcept { return capacity_; }
  T& operator[](size_t i) noexcept { return data_[i]; }
  const T& operator[](size_t i) const noexcept { return data_[i]; }
  T& back() noexcept { return data_[size_ - 1]; }
  const T& back() const noexcept { return data_[size_ - 1]; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }
  operator std::span<T>() noexcept { return {data_, size_}; }
  operator std::span<const T>() const noexcept { return {data_, size_}; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// The Status for a failed Array or allocate() call. `who` speaks, `what` could not be held.
inline Status out_of_memory(const char* who, const char* what) noexcept {
  return Status::error(Code::out_of_memory, "%s: no memory for %s", who, what);
}

}  // namespace runnel
