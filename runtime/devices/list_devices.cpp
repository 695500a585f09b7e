#include "graph/back_end.h"
#include "runnel/vulkan.h"

namespace runnel {

Status list_devices(const BackEnd& back_end, Array<DeviceInfo>* devices) noexcept { return back_end.devices(devices); }

}  // namespace runnel
