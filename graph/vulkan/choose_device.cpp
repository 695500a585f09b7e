#include <cstdlib>
#include <cstring>

#include "graph/vulkan/instance.h"

namespace runnel::vulkan {
namespace {

// Kinds as they are preferred are those of DeviceKind, but for a CPU, which comes last.
int rank(DeviceKind kind) noexcept { return kind == DeviceKind::cpu ? 100 : static_cast<int>(kind); }

constexpr size_t kLeastUuidDigits = 8;

bool is_uuid(const char* text) noexcept {
  return std::strlen(text) >= kLeastUuidDigits && std::strspn(text, "0123456789abcdef") == std::strlen(text);
}

}  // namespace

Result<uint32_t> choose_device(std::span<const DeviceInfo> devices, const char* wanted) noexcept {
  if (devices.empty()) return Status::error(Code::unsupported, "vulkan: no driver shows a device");
  const DeviceInfo* found = nullptr;
  if (wanted == nullptr || *wanted == '\0') {
    for (const DeviceInfo& device : devices) {
      if (device.usable && (found == nullptr || rank(device.kind) < rank(found->kind))) found = &device;
    }
    if (found == nullptr) found = &devices[0];
  } else if (is_uuid(wanted)) {
    for (const DeviceInfo& device : devices) {
      if (std::strncmp(device.uuid, wanted, std::strlen(wanted)) == 0) found = &device;
    }
  } else {
    char* end = nullptr;
    const unsigned long index = std::strtoul(wanted, &end, 10);
    if (*end == '\0' && index < devices.size()) found = &devices[index];
  }
  if (found == nullptr)
    return Status::error(Code::invalid_argument,
                         "vulkan: there is no device \"%.40s\": give an index below %zu or a uuid's first digits",
                         wanted, devices.size());
  if (!found->usable)
    return Status::error(Code::unsupported, "vulkan: device %u (%s) cannot be used: %s", found->index, found->name,
                         found->why);
  return found->index;
}

}  // namespace runnel::vulkan
