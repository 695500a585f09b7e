#include "runtime/template/arena.h"

#include "kernels/base/memory.h"

namespace runnel::jinja {

struct Arena::Chunk {
  Chunk* previous;
  size_t used_bytes;  // of this chunk, header included
  size_t bytes;
};

namespace {
constexpr size_t kAlignment = 16;
constexpr size_t kFirstChunkBytes = 16 << 10;
constexpr size_t kLargestChunkBytes = 1 << 20;
constexpr size_t align(size_t bytes) { return (bytes + kAlignment - 1) & ~(kAlignment - 1); }
}  // namespace

Arena::~Arena() {
  while (chunk_ != nullptr) {
    Chunk* previous = chunk_->previous;
    release(chunk_);
    chunk_ = previous;
  }
}

void* Arena::allocate(size_t bytes) noexcept {
  if (bytes > limit_bytes_) return nullptr;
  bytes = align(bytes);
  if (chunk_ == nullptr || chunk_->bytes - chunk_->used_bytes < bytes) {
    constexpr size_t kHeaderBytes = align(sizeof(Chunk));
    size_t chunk_bytes = chunk_ == nullptr ? kFirstChunkBytes : chunk_->bytes * 2;
    if (chunk_bytes > kLargestChunkBytes) chunk_bytes = kLargestChunkBytes;
    if (chunk_bytes < bytes + kHeaderBytes) chunk_bytes = bytes + kHeaderBytes;
    if (chunk_bytes > limit_bytes_ - taken_bytes_) chunk_bytes = limit_bytes_ - taken_bytes_;
    if (chunk_bytes < bytes + kHeaderBytes) return nullptr;
    void* memory = runnel::allocate(chunk_bytes);
    if (memory == nullptr) return nullptr;
    chunk_ = new (memory) Chunk{chunk_, kHeaderBytes, chunk_bytes};
    taken_bytes_ += chunk_bytes;
  }
  void* result = reinterpret_cast<char*>(chunk_) + chunk_->used_bytes;
  chunk_->used_bytes += bytes;
  return result;
}

}  // namespace runnel::jinja
