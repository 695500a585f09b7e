#include "runtime/os/memory_figures.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace runnel {
namespace {

constexpr uint64_t kUnlimited = UINT64_MAX;

// The beginning of a small file of the kernel's, zero-terminated; empty when it cannot be read.
class SmallFile {
 public:
  SmallFile(const char* root, const char* path) noexcept {
    char full[1024];
    const int length = std::snprintf(full, sizeof full, "%s%s", root, path);
    if (length < 0 || static_cast<size_t>(length) >= sizeof full) return;
    const int file = ::open(full, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    size_t used = 0;
    while (used + 1 < sizeof text_) {
      const ssize_t got = ::read(file, text_ + used, sizeof text_ - 1 - used);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      used += static_cast<size_t>(got);
    }
    ::close(file);
    text_[used] = '\0';
  }
  const char* text() const noexcept { return text_; }

  // The number after `key` at the start of a line; false when there is none.
  bool find(const char* key, uint64_t* value) const noexcept {
    const size_t key_bytes = std::strlen(key);
    for (const char* line = text_; line != nullptr && *line != '\0';) {
      if (std::strncmp(line, key, key_bytes) == 0) return parse(line + key_bytes, value);
      line = std::strchr(line, '\n');
      if (line != nullptr) ++line;
    }
    return false;
  }
  bool number(uint64_t* value) const noexcept { return parse(text_, value); }

 private:
  static bool parse(const char* text, uint64_t* value) noexcept {
    while (*text == ' ' || *text == '\t') ++text;
    if (*text < '0' || *text > '9') return false;  // "max" among others
    uint64_t sum = 0;
    for (; *text >= '0' && *text <= '9'; ++text) {
      if (__builtin_mul_overflow(sum, 10u, &sum) ||
          __builtin_add_overflow(sum, static_cast<uint64_t>(*text - '0'), &sum))
        return false;
    }
    *value = sum;
    return true;
  }
  char text_[8192] = {};
};

// Narrows `memory` by one group's folder: its limit, and what is left under it. Pages of files count as used by the
// kernel but can be dropped, so they count as left.
void apply_group(const char* root, const char* folder, bool version2, MachineMemory* memory) noexcept {
  char path[768];
  const auto read = [&](const char* name, uint64_t* value) {
    const int length = std::snprintf(path, sizeof path, "%s/%s", folder, name);
    return length > 0 && static_cast<size_t>(length) < sizeof path && SmallFile(root, path).number(value);
  };
  uint64_t limit = kUnlimited, used = 0, droppable = 0;
  if (!read(version2 ? "memory.max" : "memory.limit_in_bytes", &limit)) return;
  memory->total_bytes = std::min(memory->total_bytes, limit);
  if (!read(version2 ? "memory.current" : "memory.usage_in_bytes", &used)) return;
  std::snprintf(path, sizeof path, "%s/memory.stat", folder);
  const SmallFile stat(root, path);
  uint64_t active = 0, inactive = 0;
  stat.find(version2 ? "active_file " : "total_active_file ", &active);
  stat.find(version2 ? "inactive_file " : "total_inactive_file ", &inactive);
  droppable = std::min(active + inactive, used);
  used -= droppable;
  memory->available_bytes = std::min(memory->available_bytes, limit > used ? limit - used : 0);
}

// A limit of any ancestor counts, so each folder from the process' own group up to the mount is asked.
void apply_group_and_parents(const char* root, const char* mount, const char* group, bool version2,
                             MachineMemory* memory) noexcept {
  char folder[640];
  const int length = std::snprintf(folder, sizeof folder, "%s%s", mount, group);
  if (length < 0 || static_cast<size_t>(length) >= sizeof folder) return;
  const size_t mount_bytes = std::strlen(mount);
  for (size_t bytes = static_cast<size_t>(length);;) {
    while (bytes > mount_bytes && folder[bytes - 1] == '/') --bytes;
    folder[bytes] = '\0';
    apply_group(root, folder, version2, memory);
    if (bytes <= mount_bytes) return;
    while (bytes > mount_bytes && folder[bytes - 1] != '/') --bytes;
  }
}

// Lines of /proc/self/cgroup are "id:controllers:path"; version 2 is "0::path".
void apply_groups(const char* root, MachineMemory* memory) noexcept {
  const SmallFile groups(root, "/proc/self/cgroup");
  for (const char* line = groups.text(); *line != '\0';) {
    const char* end = std::strchr(line, '\n');
    if (end == nullptr) end = line + std::strlen(line);
    const char* first = static_cast<const char*>(std::memchr(line, ':', static_cast<size_t>(end - line)));
    const char* second =
        first == nullptr ? nullptr
                         : static_cast<const char*>(std::memchr(first + 1, ':', static_cast<size_t>(end - first - 1)));
    if (second != nullptr) {
      char group[512];
      const size_t bytes = std::min(static_cast<size_t>(end - second - 1), sizeof group - 1);
      std::memcpy(group, second + 1, bytes);
      group[bytes] = '\0';
      const size_t controllers = static_cast<size_t>(second - first - 1);
      if (controllers == 0) apply_group_and_parents(root, "/sys/fs/cgroup", group, true, memory);
      // Version 1 names "memory" among the controllers.
      if (controllers >= 6 && ::memmem(first + 1, controllers, "memory", 6) != nullptr)
        apply_group_and_parents(root, "/sys/fs/cgroup/memory", group, false, memory);
    }
    line = *end == '\0' ? end : end + 1;
  }
}

}  // namespace

ProcessMemory process_memory(const char* root) noexcept {
  ProcessMemory memory;
  const SmallFile status(root, "/proc/self/status");
  const auto kib = [&](const char* key) {
    uint64_t value = 0;
    return status.find(key, &value) && value <= UINT64_MAX / 1024 ? value * 1024 : 0;
  };
  memory.rss_bytes = kib("VmRSS:");
  memory.peak_rss_bytes = kib("VmHWM:");
  memory.anonymous_bytes = kib("RssAnon:");
  return memory;
}

MachineMemory machine_memory(const char* root) noexcept {
  MachineMemory memory;
  const SmallFile info(root, "/proc/meminfo");
  uint64_t total_kib = 0, available_kib = 0;
  if (!info.find("MemTotal:", &total_kib) || total_kib > UINT64_MAX / 1024) return memory;
  if (!info.find("MemAvailable:", &available_kib) || available_kib > total_kib) available_kib = total_kib;
  memory.total_bytes = total_kib * 1024;
  memory.available_bytes = available_kib * 1024;
  apply_groups(root, &memory);
  return memory;
}

}  // namespace runnel
