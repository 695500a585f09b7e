#include "runtime/devices/choose.h"

#include <cstdio>

#include "graph/back_end.h"

namespace runnel {

Result<DeviceChoice> choose_device(const OpenOptions& options) noexcept {
  DeviceChoice choice;
  Array<DeviceInfo> devices;
  Status status = options.back_end->devices(&devices);
  if (options.device_use == DeviceUse::required) {
    RUNNEL_TRY(std::move(status));
    choice.on_device = true;  // whether the one that is meant can be used, open() says
    return choice;
  }
  if (status.code() == Code::out_of_memory) return status;
  if (!status.ok()) {
    std::snprintf(choice.why_not, sizeof choice.why_not, "%s", status.message());
    return choice;
  }
  if (devices.empty()) std::snprintf(choice.why_not, sizeof choice.why_not, "no driver shows a device");
  for (const DeviceInfo& device : devices) {
    if (device.usable && device.kind != DeviceKind::cpu) {
      choice.on_device = true;
      return choice;
    }
    std::snprintf(choice.why_not, sizeof choice.why_not, "%.60s: %.80s", device.name,
                  device.usable ? "a CPU that plays a GPU is slower than our own code" : device.why);
  }
  return choice;
}

}  // namespace runnel
