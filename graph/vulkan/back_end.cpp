// The Vulkan back end as the library sees it.
#include "graph/back_end.h"

#include "graph/vulkan/compute_device.h"
#include "graph/vulkan/executor.h"
#include "graph/vulkan/instance.h"
#include "runnel/vulkan.h"

namespace runnel {
namespace {

Status list(Array<DeviceInfo>* devices) noexcept {
  RUNNEL_ASSIGN(const vulkan::Instance instance, vulkan::Instance::create());
  return instance.list(devices);
}

constexpr BackEnd kVulkan = {
    .name = "vulkan",
    .devices = list,
    .plan = vulkan::plan_executor,
    .open = vulkan::open_compute_device,
};

}  // namespace

const BackEnd& vulkan_back_end() noexcept { return kVulkan; }

}  // namespace runnel
