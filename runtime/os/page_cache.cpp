#include "runtime/os/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/base/memory.h"

namespace runnel {
namespace {

class OpenFile {
 public:
  OpenFile(const char* path, int flags) noexcept : descriptor_(::open(path, flags | O_CLOEXEC)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  bool ok() const noexcept { return descriptor_ >= 0; }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

double cached_share(const char* path) noexcept {
  const OpenFile file(path, O_RDONLY);
  struct stat info;
  if (!file.ok() || ::fstat(file.get(), &info) != 0 || info.st_size <= 0) return -1;
  const size_t bytes = static_cast<size_t>(info.st_size);
  const size_t page = page_bytes();
  void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return -1;
  unsigned char states[4096];
  size_t cached = 0, pages = 0;
  bool told = true;
  const size_t part = page * sizeof states;
  for (size_t at = 0; told && at < bytes; at += part) {
    const size_t length = std::min(part, bytes - at);
    told = ::mincore(static_cast<uint8_t*>(memory) + at, length, states) == 0;
    const size_t count = (length + page - 1) / page;
    for (size_t i = 0; told && i < count; ++i) cached += states[i] & 1;
    pages += count;
  }
  ::munmap(memory, bytes);
  return told ? static_cast<double>(cached) / static_cast<double>(pages) : -1;
}

void drop_cached_file(const char* path) noexcept {
  const OpenFile file(path, O_RDONLY);
  if (!file.ok()) return;
  ::fdatasync(file.get());
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

bool drop_all_cached_files() noexcept {
  const OpenFile control("/proc/sys/vm/drop_caches", O_WRONLY);
  return control.ok() && ::write(control.get(), "1", 1) == 1;
}

}  // namespace runnel
