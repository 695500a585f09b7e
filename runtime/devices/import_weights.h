// How a device comes by a model's weights: it reads them where the host has them, or they are copied.
#pragma once

#include "graph/back_end.h"
#include "graph/file/model_file.h"
#include "runnel/options.h"

namespace runnel {

struct DeviceWeightsPlan {
  WeightImport import;
  char why_copied[120] = {};  // zero-terminated; empty where they are imported
};

// Has the device read the file's weights in place, if it can. The file is mapped, and outlives the device's use of it.
DeviceWeightsPlan import_weights(ComputeDevice& device, const ModelFile& file) noexcept;

// What that would give on the device that `options` name, found out with one page of the weights. Requires:
// options.back_end. Statuses: those of BackEnd::open().
Result<DeviceWeightsPlan> foresee_import(const ModelFile& file, const OpenOptions& options) noexcept;

}  // namespace runnel
