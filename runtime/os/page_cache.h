// The system's cache of a file's pages: how much of the file it holds, and how it is made to forget it, so that a
// start from disk can be timed.
//
// Thread rule: any thread. Nothing is allocated.
#pragma once

namespace runnel {

// Share of the file's pages that are in memory, 0 to 1; negative when the system does not tell.
double cached_share(const char* path) noexcept;
// Asks that the file's pages be dropped, written ones first. The system keeps those that some process has mapped.
void drop_cached_file(const char* path) noexcept;
// Drops every clean page of every file. Root only: false when it is not allowed or there is no such thing.
bool drop_all_cached_files() noexcept;

}  // namespace runnel
