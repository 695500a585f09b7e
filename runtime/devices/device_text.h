// Where to compute, as a text says it: "cpu", "vulkan", "vulkan:N", "vulkan:UUID" or "auto".
#pragma once

#include "runnel/options.h"
#include "runnel/status.h"

namespace runnel {

// Sets back_end, device_use and device of the options, which borrow from the text. `back_end` is the one that the host
// has, or null: then only the CPU can be asked for. Statuses: invalid_argument, unsupported (no back end).
Status read_device(const char* text, const BackEnd* back_end, OpenOptions* options) noexcept;

}  // namespace runnel
