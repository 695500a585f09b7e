#include "tests/support/heap_counter.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include "tests/support/instrumented.h"

namespace {
std::atomic<uint64_t> g_calls{0};
}

// A sanitizer brings its own heap, which must stay in charge.
#if !RUNNEL_INSTRUMENTED
#define RUNNEL_COUNTS_HEAP 1
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t bytes) {
  g_calls.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  g_calls.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  g_calls.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  g_calls.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}
#else
#define RUNNEL_COUNTS_HEAP 0
#endif

namespace runnel::test {

uint64_t heap_calls() { return g_calls.load(); }

bool heap_counter_works() {
  const uint64_t before = heap_calls();
  void* volatile memory = std::malloc(1);
  std::free(memory);
  return RUNNEL_COUNTS_HEAP != 0 && heap_calls() == before + 1;
}

}  // namespace runnel::test
