// The device that rows of shaders run on, and how fast it copies its own memory: what their figures are held against.
#pragma once

#include <string>

#include "graph/vulkan/compute_device.h"

namespace runnel::bench {

// Opened at first use and kept: what RUNNEL_BENCH_DEVICE names (an index or a uuid's beginning, as `runnel devices`
// shows them), or the best one. Null where none can be used; `why` says so then.
vulkan::ComputeDeviceImpl* vulkan_device(std::string* why);

// Bytes read and written a second, in 1e9; measured anew when the last measurement is older than 20 seconds.
// 0: the copy failed.
double vulkan_copy_gb_s(vulkan::Device& device);

}  // namespace runnel::bench
