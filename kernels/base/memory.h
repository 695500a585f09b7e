// The one door to the heap for kernels, graph and runtime. Failure is a null pointer, which callers turn into a
// Status: under -fno-exceptions a failing std::vector would end the host's process.
//
// Thread rule: any thread.
#pragma once

#include <cstddef>

namespace runnel {

inline constexpr size_t kCacheLineBytes = 64;

// Of the system's pages of memory: a power of two.
size_t page_bytes() noexcept;

// Uninitialised memory aligned to `alignment` (a power of two), or null. bytes = 0 gives a unique non-null pointer.
[[nodiscard]] void* allocate(size_t bytes, size_t alignment = kCacheLineBytes) noexcept;

// Accepts null. Only for what allocate() returned.
void release(void* memory) noexcept;

// Zeroed pages straight from the system, which backs each one only when it is first touched: for large areas of which
// little may ever be used. Null when there are none. The gate is asked as for allocate().
[[nodiscard]] void* map_pages(size_t bytes) noexcept;
// Accepts null. `bytes` as given to map_pages().
void unmap_pages(void* memory, size_t bytes) noexcept;
// Returns the memory behind part of what map_pages() gave to the system: its bytes are zeros, or as they were where
// they share a page of the system with others.
void discard_pages(void* memory, size_t bytes) noexcept;

// Asked before each allocation when set; returning false makes it fail. For tests and for budget enforcement.
// `context` is handed back. Set it while no other thread allocates; null removes it.
using AllocationGate = bool (*)(void* context, size_t bytes) noexcept;
void set_allocation_gate(AllocationGate gate, void* context) noexcept;

// Told of everything that is given and taken back while set, by the same rules: for ledgers in tests. `bytes` as asked
// for, 0 when memory is taken back.
using AllocationLedger = void (*)(void* context, const void* memory, size_t bytes) noexcept;
void set_allocation_ledger(AllocationLedger ledger, void* context) noexcept;

}  // namespace runnel
