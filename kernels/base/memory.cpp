#include "kernels/base/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace runnel {
namespace {

AllocationGate g_gate = nullptr;
void* g_gate_context = nullptr;
AllocationLedger g_ledger = nullptr;
void* g_ledger_context = nullptr;

void record(const void* memory, size_t bytes) noexcept {
  if (g_ledger != nullptr && memory != nullptr) g_ledger(g_ledger_context, memory, bytes);
}

}  // namespace

void* allocate(size_t bytes, size_t alignment) noexcept {
  if (g_gate != nullptr && !g_gate(g_gate_context, bytes)) return nullptr;
  if (bytes == 0) bytes = 1;
  const size_t rounded = (bytes + alignment - 1) & ~(alignment - 1);  // aligned_alloc wants a multiple
  if (rounded < bytes) return nullptr;
  void* memory = std::aligned_alloc(alignment, rounded);
  record(memory, bytes);
  return memory;
}

void release(void* memory) noexcept {
  record(memory, 0);
  std::free(memory);
}

size_t page_bytes() noexcept {
  const long bytes = ::sysconf(_SC_PAGESIZE);
  return bytes > 0 ? static_cast<size_t>(bytes) : 4096;
}

void* map_pages(size_t bytes) noexcept {
  if (g_gate != nullptr && !g_gate(g_gate_context, bytes)) return nullptr;
  if (bytes == 0) bytes = 1;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  record(memory, bytes);
  return memory;
}

void unmap_pages(void* memory, size_t bytes) noexcept {
  record(memory, 0);
  if (memory != nullptr) (void)::munmap(memory, bytes == 0 ? 1 : bytes);
}

void discard_pages(void* memory, size_t bytes) noexcept {
  const auto mask = static_cast<uintptr_t>(page_bytes()) - 1;
  const auto begin = (reinterpret_cast<uintptr_t>(memory) + mask) & ~mask;
  const auto end = (reinterpret_cast<uintptr_t>(memory) + bytes) & ~mask;
  if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void set_allocation_gate(AllocationGate gate, void* context) noexcept {
  g_gate = gate;
  g_gate_context = context;
}

void set_allocation_ledger(AllocationLedger ledger, void* context) noexcept {
  g_ledger = ledger;
  g_ledger_context = context;
}

}  // namespace runnel
