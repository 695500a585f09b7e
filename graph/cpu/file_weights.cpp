// CpuExecutor over a model file: its tensors as a WeightView.
#include "graph/cpu/executor.h"

namespace runnel {

WeightView file_weights(const ModelFile& file) noexcept {
  WeightView weights;
  weights.context = &file;
  weights.data = [](const void* context, uint32_t tensor) noexcept {
    return static_cast<const ModelFile*>(context)->tensor_data(tensor);
  };
  weights.touch = [](const void* context, uint32_t tensor) noexcept {
    return static_cast<const ModelFile*>(context)->touch_tensor(tensor);
  };
  weights.check = [](const void* context) noexcept { return static_cast<const ModelFile*>(context)->verification(); };
  return weights;
}

Result<CpuExecutor> CpuExecutor::create(const ModelFile& file, const ExecutorOptions& options) noexcept {
  return create(file.graph(), file_weights(file), options);
}

}  // namespace runnel
