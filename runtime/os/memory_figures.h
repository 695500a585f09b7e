// What the process takes and what the machine has left, read from /proc and the control groups (versions 1 and 2).
//
// Thread rule: pure functions of the file system, any thread. Nothing is allocated.
#pragma once

#include <cstdint>

namespace runnel {

struct ProcessMemory {
  uint64_t rss_bytes = 0;
  uint64_t peak_rss_bytes = 0;
  uint64_t anonymous_bytes = 0;  // the resident part that no file backs
};
// Zeros where the system does not tell. `root` stands for "/" (tests bring their own tree).
ProcessMemory process_memory(const char* root = "") noexcept;

struct MachineMemory {
  uint64_t total_bytes = 0;      // the smaller of the machine's memory and the groups' limits
  uint64_t available_bytes = 0;  // what can still be taken without swapping or meeting a limit
};
MachineMemory machine_memory(const char* root = "") noexcept;

}  // namespace runnel
