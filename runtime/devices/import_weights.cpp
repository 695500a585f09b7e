#include "runtime/devices/import_weights.h"

#include <cstdio>

namespace runnel {
namespace {

DeviceWeightsPlan plan_of(const Result<WeightImport>& import) noexcept {
  DeviceWeightsPlan plan;
  if (import.ok()) {
    plan.import = *import;
  } else {
    std::snprintf(plan.why_copied, sizeof plan.why_copied, "%s", import.status().message());
  }
  return plan;
}

}  // namespace

DeviceWeightsPlan import_weights(ComputeDevice& device, const ModelFile& file) noexcept {
  return plan_of(device.import_weights(file.data()));
}

Result<DeviceWeightsPlan> foresee_import(const ModelFile& file, const OpenOptions& options) noexcept {
  RUNNEL_ASSIGN(ComputeDevice* const device, options.back_end->open(options.device, options.cache_folder));
  const DeviceWeightsPlan plan = plan_of(device->foresee_import(file.data()));
  device->close();
  return plan;
}

}  // namespace runnel
