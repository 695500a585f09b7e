#include "runtime/os/direct_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

namespace runnel {
namespace {

std::atomic<PositionedRead> g_read{nullptr};

}  // namespace

int open_again(int fd, bool direct) noexcept {
#ifdef __linux__
  char name[32];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  return ::open(name, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
#else
  // No way to open a descriptor's file anew, and no O_DIRECT.
  errno = direct ? EINVAL : 0;
  return direct ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
#endif
}

void forget_cached(int fd, uint64_t offset, uint64_t bytes) noexcept {
#ifdef __linux__
  (void)::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_DONTNEED);
#else
  (void)fd, (void)offset, (void)bytes;
#endif
}

ssize_t positioned_read(int fd, void* to, size_t bytes, uint64_t offset) noexcept {
  const PositionedRead read = g_read.load(std::memory_order_relaxed);
  return read != nullptr ? read(fd, to, bytes, offset) : ::pread(fd, to, bytes, static_cast<off_t>(offset));
}

void set_positioned_read(PositionedRead read) noexcept { g_read.store(read, std::memory_order_relaxed); }

}  // namespace runnel
