// Reading files past the system's page cache, where the system and the file system have such a thing.
//
// Thread rule: any thread; set_positioned_read() while nobody reads.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace runnel {

// Offsets, lengths and addresses of direct reads are multiples of this.
inline constexpr size_t kDirectAlignment = 4096;

// The file behind `fd`, opened once more, so that neither flags nor hints reach whoever shares the descriptor. -1 when
// the system refuses (errno says why); direct: past the page cache, which some file systems cannot.
int open_again(int fd, bool direct) noexcept;

// A hint for a descriptor of open_again(): these bytes are not needed in the cache any more.
void forget_cached(int fd, uint64_t offset, uint64_t bytes) noexcept;

// pread(), or what a test put in its place.
using PositionedRead = ssize_t (*)(int fd, void* to, size_t bytes, uint64_t offset) noexcept;
ssize_t positioned_read(int fd, void* to, size_t bytes, uint64_t offset) noexcept;
// For tests: null stands for pread().
void set_positioned_read(PositionedRead read) noexcept;

}  // namespace runnel
