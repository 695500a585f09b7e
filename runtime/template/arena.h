// Arena: memory for one template or one rendering, given back as a whole, with a limit that cannot be passed.
//
// Values may refer to each other in cycles and are never freed singly: the arena ends them all. A template that wants
// more than the limit (one that doubles a string forty times, say) gets a null pointer, which becomes a Status.
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace runnel::jinja {

class Arena {
 public:
  explicit Arena(size_t limit_bytes) noexcept : limit_bytes_(limit_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // Uninitialised, aligned to 16; null when the limit or the memory ends.
  void* allocate(size_t bytes) noexcept;

  // `count` value-initialised elements, or null.
  template <class T>
  T* make(size_t count = 1) noexcept {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16);
    if (count > limit_bytes_ / sizeof(T)) return nullptr;
    T* memory = static_cast<T*>(allocate(count * sizeof(T)));
    if (memory == nullptr) return nullptr;
    for (size_t i = 0; i < count; ++i) new (memory + i) T{};
    return memory;
  }

  size_t limit_bytes() const noexcept { return limit_bytes_; }

 private:
  struct Chunk;
  Chunk* chunk_ = nullptr;
  size_t limit_bytes_;
  size_t taken_bytes_ = 0;  // of all chunks
};

}  // namespace runnel::jinja
