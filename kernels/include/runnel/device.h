// What a device that can compute beside the CPU is and has, as its driver says.
#pragma once

#include <stdint.h>

namespace runnel {

enum class DeviceKind : uint8_t { discrete, integrated, virtual_gpu, cpu, other };
const char* device_kind_name(DeviceKind kind) noexcept;  // "discrete", ...

// All text is zero-terminated and held in the struct.
struct DeviceInfo {
  uint32_t index = 0;  // among the back end's devices, as the driver lists them
  char name[256] = {};
  char driver[520] = {};    // its name and version, as it says them
  char uuid[33] = {};       // of the device, 32 hex digits
  char cache_key[80] = {};  // changes when the driver, its version or the device does
  DeviceKind kind = DeviceKind::other;
  uint32_t api_major = 0, api_minor = 0, api_patch = 0;

  // Whether the back end can run on it; if not, the first thing that is missing.
  bool usable = false;
  char why[160] = {};

  bool float16 = false;           // arithmetic
  bool storage16 = false;         // 16-bit loads and stores
  bool int8 = false;              // arithmetic
  bool integer_dot = false;       // products of four signed bytes in one operation ...
  bool integer_dot_fast = false;  // ... which the hardware has
  bool cooperative_matrix = false;
  bool imports_host_memory = false;  // reads what lies in the host's memory ...
  uint64_t import_alignment = 0;     // ... in units of so many bytes
  uint32_t subgroup_size = 0, subgroup_min = 0, subgroup_max = 0;
  uint32_t max_group_threads = 0;  // of a work group
  uint64_t max_buffer_range = 0;   // maxStorageBufferRange; nothing here is bound by it (docs/vulkan.md)
  uint64_t max_allocation_bytes = 0;

  struct Heap {
    uint64_t bytes = 0;
    bool device_local = false;
    bool host_visible = false;
  };
  static constexpr uint32_t kMaxHeaps = 8;
  Heap heaps[kMaxHeaps];
  uint32_t heap_count = 0;
};

// Where a kind of node runs, and why.
struct PlacementRow {
  char what[96] = {};  // op, storage type and sizes
  uint32_t nodes = 0;
  bool on_device = false;
  char why[176] = {};  // not on the device, or there but not as asked; zero-terminated, else empty
};

}  // namespace runnel
