#include "runnel/device.h"

namespace runnel {

const char* device_kind_name(DeviceKind kind) noexcept {
  switch (kind) {
    case DeviceKind::discrete: return "discrete";
    case DeviceKind::integrated: return "integrated";
    case DeviceKind::virtual_gpu: return "virtual";
    case DeviceKind::cpu: return "cpu";
    case DeviceKind::other: return "other";
  }
  return "other";
}

}  // namespace runnel
