#include "graph/file/mapped_range.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel {
namespace {

// The unit of large pages: x86-64's and, with pages of 4 KB, Arm's. Files are cached in such units by the file systems
// that can (ext4 from Linux 6.16, XFS, btrfs), and a unit is mapped with one entry of the page tables if it lies alike
// in both.
constexpr uint64_t kLargePage = uint64_t{2} << 20;

Status map_failed(uint64_t bytes, int error) noexcept {
  return Status::error(error == ENOMEM ? Code::out_of_memory : Code::io, "cannot map %llu bytes: %s",
                       static_cast<unsigned long long>(bytes), std::strerror(error));
}

}  // namespace

MappedRange::MappedRange(MappedRange&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      mapped_bytes_(std::exchange(other.mapped_bytes_, 0)),
      lead_bytes_(std::exchange(other.lead_bytes_, 0)) {}

MappedRange& MappedRange::operator=(MappedRange&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  std::swap(lead_bytes_, other.lead_bytes_);
  return *this;
}

MappedRange::~MappedRange() {
  if (base_ != nullptr) ::munmap(base_, mapped_bytes_);
}

Result<MappedRange> MappedRange::reserve(uint64_t bytes, uint64_t file_offset) noexcept {
  const uint64_t lead = file_offset % page_bytes();
  uint64_t total = 0;
  if (!checked_add(bytes, lead, &total) || total > SIZE_MAX / 2) {
    return Status::error(Code::unsupported, "%llu bytes do not fit this process's addresses",
                         static_cast<unsigned long long>(bytes));
  }
  total = std::max((total + page_bytes() - 1) / page_bytes(), uint64_t{1}) * page_bytes();
  const uint64_t slack = total < kLargePage ? 0 : kLargePage - page_bytes();
  void* reserved = ::mmap(nullptr, total + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return map_failed(total, errno);
  uint8_t* base = static_cast<uint8_t*>(reserved);
  if (slack != 0) {
    // An address that lies in its large page as the file's beginning does in the file's. What is left over goes back.
    const uint64_t before = (file_offset - lead - reinterpret_cast<uintptr_t>(base)) % kLargePage;
    if (before != 0) ::munmap(base, before);
    base += before;
    if (before != slack) ::munmap(base + total, slack - before);
  }
  MappedRange range;
  range.base_ = base;
  range.mapped_bytes_ = total;
  range.lead_bytes_ = lead;
  return range;
}

Status MappedRange::map(uint64_t at, int fd, uint64_t file_offset, uint64_t bytes) noexcept {
  if (bytes == 0) return {};
  // The first file's mapping begins with the part of its page before the offset.
  const uint64_t lead = at == 0 ? lead_bytes_ : 0;
  const uint64_t position = at == 0 ? 0 : lead_bytes_ + at;
  const uint64_t page = page_bytes();
  if (position % page != 0 || (file_offset - lead) % page != 0) {
    return Status::error(
        Code::unsupported,
        "the data of %s does not begin at a multiple of the pages of %llu bytes that this system maps; "
        "align or join the shards",
        position % page != 0 ? "the first shard" : "this shard", static_cast<unsigned long long>(page));
  }
  if (!range_fits<uint64_t>(position, bytes + lead, mapped_bytes_)) {
    return Status::error(Code::internal, "mapping outside the reserved range");
  }
  void* mapped = ::mmap(base_ + position, bytes + lead, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
                        static_cast<off_t>(file_offset - lead));
  return mapped == MAP_FAILED ? map_failed(bytes, errno) : Status();
}

void MappedRange::will_need(uint64_t at, uint64_t bytes) const noexcept {
  const uint64_t page = page_bytes();
  const uint64_t begin = (lead_bytes_ + at) / page * page;
  uint64_t end = lead_bytes_ + at + bytes;
  if (base_ == nullptr || begin >= mapped_bytes_) return;
  if (end > mapped_bytes_) end = mapped_bytes_;
  // A hint: its failure costs nothing but time.
  (void)::madvise(base_ + begin, end - begin, MADV_WILLNEED);
}

uint64_t MappedRange::drop() const noexcept {
  if (base_ == nullptr) return 0;
  const uint64_t page = page_bytes();
  unsigned char in_core[1024];
  uint64_t pages = 0;
  for (uint64_t at = 0; at < mapped_bytes_; at += page * sizeof in_core) {
    const uint64_t bytes = mapped_bytes_ - at < page * sizeof in_core ? mapped_bytes_ - at : page * sizeof in_core;
    if (::mincore(base_ + at, bytes, in_core) != 0) continue;
    for (uint64_t i = 0; i < (bytes + page - 1) / page; ++i) pages += in_core[i] & 1;
  }
  // The mapping is read-only and of a file: nothing can be lost.
  (void)::madvise(base_, mapped_bytes_, MADV_DONTNEED);
  return pages * page;
}

}  // namespace runnel
