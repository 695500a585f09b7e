// Whether a model is to be opened on a device, from what the host asks for and what the back end shows: before anything
// is taken.
#pragma once

#include "runnel/device.h"
#include "runnel/options.h"
#include "runnel/status.h"

namespace runnel {

struct DeviceChoice {
  bool on_device = false;
  char why_not[160] = {};  // zero-terminated
};

// Requires: options.back_end. With DeviceUse::required any device will do, and none is the back end's status; with
// automatic only a usable one that is a GPU.
Result<DeviceChoice> choose_device(const OpenOptions& options) noexcept;

}  // namespace runnel
