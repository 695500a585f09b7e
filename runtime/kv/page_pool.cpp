#include "runtime/kv/page_pool.h"

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel {

Status PagePool::init(uint64_t page_bytes, uint32_t page_count) noexcept {
  uint64_t stride = 0, bytes = 0;
  if (page_count == kNoPage || !checked_align<uint64_t>(page_bytes, kCacheLineBytes, &stride) ||
      !checked_mul<uint64_t>(stride, page_count, &bytes) || bytes > SIZE_MAX)
    return Status::error(Code::invalid_argument, "kv pages: %u pages of %llu bytes are too much for an address space",
                         page_count, static_cast<unsigned long long>(page_bytes));
  if (!references_.resize(page_count) || !free_.reserve(page_count)) return out_of_memory("kv pages", "the page list");
  memory_ = static_cast<uint8_t*>(map_pages(bytes));
  if (memory_ == nullptr)
    return Status::error(Code::out_of_memory, "kv pages: no memory for %u pages, %llu bytes", page_count,
                         static_cast<unsigned long long>(bytes));
  page_bytes_ = stride;
  memory_bytes_ = bytes;
  page_count_ = page_count;
  for (uint32_t i = page_count; i > 0; --i) (void)free_.push(i - 1);  // reserved above
  return {};
}

PagePool::~PagePool() { unmap_pages(memory_, memory_bytes_); }

bool PagePool::reserve(uint32_t pages) noexcept {
  const std::lock_guard lock(mutex_);
  if (pages > page_count_ - reserved_) return false;
  reserved_ += pages;
  return true;
}

void PagePool::unreserve(uint32_t pages) noexcept {
  const std::lock_guard lock(mutex_);
  reserved_ -= pages;
}

PageId PagePool::acquire() noexcept {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return kNoPage;
  const PageId page = free_.back();
  free_.truncate(free_.size() - 1);
  references_[page] = 1;
  return page;
}

void PagePool::retain(PageId page) noexcept {
  const std::lock_guard lock(mutex_);
  ++references_[page];
}

void PagePool::release(PageId page) noexcept {
  const std::lock_guard lock(mutex_);
  if (--references_[page] == 0) (void)free_.push(page);  // its place was reserved in init()
}

uint32_t PagePool::free_pages() const noexcept {
  const std::lock_guard lock(mutex_);
  return static_cast<uint32_t>(free_.size());
}

uint32_t PagePool::unreserved_pages() const noexcept {
  const std::lock_guard lock(mutex_);
  return page_count_ - reserved_;
}

}  // namespace runnel
