// The Vulkan back end of a build without Vulkan: each answer says so.
#include "graph/back_end.h"
#include "runnel/vulkan.h"

namespace runnel {
namespace {

Status absent() noexcept { return Status::error(Code::unsupported, "vulkan: this build has no Vulkan back end"); }

constexpr BackEnd kNone = {
    .name = "vulkan",
    .devices = [](Array<DeviceInfo>*) noexcept { return absent(); },
    .plan = [](const Graph&, const DeviceExecutorOptions&) noexcept -> Result<DevicePlan> { return absent(); },
    .open = [](const char*, const char*) noexcept -> Result<ComputeDevice*> { return absent(); },
};

}  // namespace

const BackEnd& vulkan_back_end() noexcept { return kNone; }

}  // namespace runnel
