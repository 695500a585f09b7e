#include "runtime/os/locked_pages.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace runnel {

bool lock_pages(void* memory, size_t bytes) noexcept { return ::mlock(memory, bytes) == 0; }

bool may_lock_pages(uint64_t bytes) noexcept {
#if defined(__linux__) && defined(SYS_mlock2)
  // Locking what nobody has touched, as it is touched: the system checks the limit and backs nothing.
  constexpr unsigned kOnFault = 1;
  const size_t length = static_cast<size_t>(bytes);
  void* probe = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return false;
  const bool granted = ::syscall(SYS_mlock2, probe, length, kOnFault) == 0;
  (void)::munmap(probe, length);
  return granted;
#else
  rlimit limit;
  return ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && bytes <= limit.rlim_cur;
#endif
}

void prefer_huge_pages(void* memory, size_t bytes) noexcept {
#ifdef MADV_HUGEPAGE
  (void)::madvise(memory, bytes, MADV_HUGEPAGE);
#else
  (void)memory, (void)bytes;
#endif
}

}  // namespace runnel
