// The Vulkan back end, for apps that want it: naming it is what links it.
//
//   runnel::Model::open("shop.rnl", {.back_end = &runnel::vulkan_back_end()});
//
// Thread rule: any thread.
#pragma once

#include "runnel/array.h"
#include "runnel/device.h"
#include "runnel/status.h"

namespace runnel {

struct BackEnd;

// In a build without Vulkan its every answer is `unsupported`, which says so.
const BackEnd& vulkan_back_end() noexcept;

// Every device that a back end sees, usable or not, appended. Statuses: unsupported (no loader, no driver),
// out_of_memory.
Status list_devices(const BackEnd& back_end, Array<DeviceInfo>* devices) noexcept;

}  // namespace runnel
