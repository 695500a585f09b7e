#include "runtime/kv/page_pool.h"

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel {

Status PagePool::init(uint64_t page_bytes, uint32_t page_count, ComputeDevice* device) noexcept {
  uint64_t stride = 0, bytes = 0;
  if (page_count == kNoPage || !checked_align<uint64_t>(page_bytes, kCacheLineBytes, &stride) ||
      !checked_mul<uint64_t>(stride, page_count, &bytes) || bytes > SIZE_MAX)
    return Status::error(Code::invalid_argument, "kv pages: %u pages of %llu bytes are too much for an address space",
                         page_count, static_cast<unsigned long long>(page_bytes));
  if (!free_.reserve_backed(page_count)) return out_of_memory("kv pages", "the page list");
  device_ = device;
  if (device != nullptr) {
    RUNNEL_ASSIGN(memory_, device->take_pages(bytes));
  } else {
    memory_ = static_cast<uint8_t*>(map_pages(bytes));
  }
  if (memory_ == nullptr)
    return Status::error(Code::out_of_memory, "kv pages: no memory for %u pages, %llu bytes", page_count,
                         static_cast<unsigned long long>(bytes));
  page_bytes_ = stride;
  memory_bytes_ = bytes;
  page_count_ = page_count;
  for (uint32_t i = page_count; i > 0; --i) (void)free_.push(i - 1);  // reserved above
  return {};
}

PagePool::~PagePool() {
  if (device_ != nullptr) {
    device_->give_pages(memory_);
  } else {
    unmap_pages(memory_, memory_bytes_);
  }
}

PageId PagePool::take() noexcept {
  if (free_.empty()) return kNoPage;
  const PageId page = free_.back();
  free_.truncate(free_.size() - 1);
  return page;
}

void PagePool::give(PageId page) noexcept { (void)free_.push(page); }  // its place was reserved in init()

uint64_t PagePool::trim() noexcept {
  uint64_t bytes = 0;
  if (device_ != nullptr) return 0;  // a device's memory is taken whole
  for (const PageId page : free_) {
    discard_pages(data(page), page_bytes_);
    bytes += page_bytes_;
  }
  return bytes;
}

}  // namespace runnel
