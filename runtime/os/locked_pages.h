// Pages of memory that stay: locked against swapping and dropping, and large ones.
//
// Thread rule: any thread. Memory is that of map_pages().
#pragma once

#include <cstddef>
#include <cstdint>

namespace runnel {

// False when the system refuses, as a rule because of RLIMIT_MEMLOCK. unmap_pages() undoes it.
bool lock_pages(void* memory, size_t bytes) noexcept;
// Whether lock_pages() would do it now; no memory is taken.
bool may_lock_pages(uint64_t bytes) noexcept;
// Asks for pages larger than the smallest, before any is touched.
void prefer_huge_pages(void* memory, size_t bytes) noexcept;

}  // namespace runnel
