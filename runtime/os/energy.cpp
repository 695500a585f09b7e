#include "runtime/os/energy.h"

#include <dirent.h>

#include <cstdio>
#include <cstring>

namespace runnel {
namespace {

constexpr char kZones[] = "/sys/class/powercap";

// The file's first line, without its end; false when it cannot be read.
bool read_line(const char* path, char* line, int line_bytes) noexcept {
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return false;
  const bool read = std::fgets(line, line_bytes, file) != nullptr;
  std::fclose(file);
  if (read) line[std::strcspn(line, "\n")] = '\0';
  return read;
}

bool read_number(const char* path, uint64_t* value) noexcept {
  char line[32];
  unsigned long long number = 0;
  if (!read_line(path, line, sizeof line) || std::sscanf(line, "%llu", &number) != 1) return false;
  *value = number;
  return true;
}

}  // namespace

// Zones: intel-rapl:0 is "package-0", its parts intel-rapl:0:0 "core" (inside the package's figure) and "dram" (beside
// it). "psys" holds packages again, and intel-rapl-mmio:0 is a package's second face.
EnergyMeter::EnergyMeter(const char* root) noexcept {
  char path[128];
  if (std::strlen(root) > 63) return;
  std::snprintf(path, sizeof path, "%s%s", root, kZones);
  DIR* zones = ::opendir(path);
  if (zones == nullptr) return;
  while (const dirent* zone = ::readdir(zones)) {
    if (std::strncmp(zone->d_name, "intel-rapl:", 11) == 0 && std::strlen(zone->d_name) < 32) add(root, zone->d_name);
  }
  ::closedir(zones);
  start();
}

void EnergyMeter::add(const char* root, const char* zone) noexcept {
  if (count_ == kMaxCounters) return;
  Counter& counter = counters_[count_];
  char path[160], name[32];
  uint64_t now = 0;
  std::snprintf(path, sizeof path, "%s%s/%.32s/name", root, kZones, zone);
  if (!read_line(path, name, sizeof name)) return;
  if (std::strncmp(name, "package", 7) != 0 && std::strcmp(name, "dram") != 0) return;
  std::snprintf(path, sizeof path, "%s%s/%.32s/max_energy_range_uj", root, kZones, zone);
  if (!read_number(path, &counter.range_uj)) return;
  std::snprintf(counter.path, sizeof counter.path, "%s%s/%.32s/energy_uj", root, kZones, zone);
  if (read_number(counter.path, &now)) ++count_;
}

void EnergyMeter::start() noexcept {
  for (uint32_t i = 0; i < count_; ++i) {
    counters_[i].start_uj = 0;
    (void)read_number(counters_[i].path, &counters_[i].start_uj);
  }
}

double EnergyMeter::joules() const noexcept {
  double sum = 0;
  for (uint32_t i = 0; i < count_; ++i) {
    const Counter& counter = counters_[i];
    uint64_t now = 0;
    if (!read_number(counter.path, &now)) continue;
    const uint64_t used = now >= counter.start_uj ? now - counter.start_uj : counter.range_uj - counter.start_uj + now;
    sum += static_cast<double>(used) * 1e-6;
  }
  return sum;
}

}  // namespace runnel
