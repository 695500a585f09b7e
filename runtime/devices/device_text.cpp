#include "runtime/devices/device_text.h"

#include <cstring>

#include "graph/back_end.h"

namespace runnel {

Status read_device(const char* text, const BackEnd* back_end, OpenOptions* options) noexcept {
  constexpr char kName[] = "vulkan";
  constexpr size_t kLength = sizeof kName - 1;
  options->back_end = nullptr;
  if (std::strcmp(text, "cpu") == 0) return {};
  const bool automatic = std::strcmp(text, "auto") == 0;
  const bool named = std::strncmp(text, kName, kLength) == 0 && (text[kLength] == '\0' || text[kLength] == ':');
  if (!automatic && !named)
    return Status::error(Code::invalid_argument, "device: %.60s is not cpu, vulkan, vulkan:N, vulkan:UUID or auto",
                         text);
  if (back_end == nullptr)
    return Status::error(Code::unsupported, "device: %.60s needs a back end, and none is named", text);
  options->back_end = back_end;
  options->device_use = automatic ? DeviceUse::automatic : DeviceUse::required;
  options->device = named && text[kLength] == ':' ? text + kLength + 1 : "";
  return {};
}

}  // namespace runnel
