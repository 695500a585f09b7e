// Memory whose first byte past the end is unmapped: a kernel that reads or writes beyond its operand crashes at once.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace runnel::test {

class GuardedBuffer {
 public:
  // `bytes` bytes that end at the guard; filled with `fill`. Aligned to 64 when bytes is a multiple of 64.
  explicit GuardedBuffer(size_t bytes, uint8_t fill = 0) : bytes_(bytes) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE));
    usable_ = (bytes + page - 1) / page * page;
    mapping_ = static_cast<uint8_t*>(
        mmap(nullptr, usable_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (mapping_ == MAP_FAILED || mprotect(mapping_ + usable_, page, PROT_NONE) != 0) std::abort();
    std::memset(data(), fill, bytes);
  }
  GuardedBuffer(GuardedBuffer&& other) noexcept
      : mapping_(std::exchange(other.mapping_, nullptr)), usable_(other.usable_), bytes_(other.bytes_) {}
  GuardedBuffer& operator=(GuardedBuffer&&) = delete;
  ~GuardedBuffer() {
    if (mapping_ != nullptr) munmap(mapping_, usable_ + size_t(sysconf(_SC_PAGESIZE)));
  }

  uint8_t* data() const { return mapping_ + usable_ - bytes_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data());
  }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* mapping_;
  size_t usable_;
  size_t bytes_;
};

}  // namespace runnel::test
