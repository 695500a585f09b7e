// Pipelines of one device, made at first use: a shader with its constants. All have one layout: push constants alone,
// since shaders address memory by themselves.
//
// Ownership: borrows the device, owns the pipelines. Thread rule: one thread at a time.
#pragma once

#include "graph/vulkan/device.h"
#include "graph/vulkan/shaders.h"

namespace runnel::vulkan {

inline constexpr uint32_t kMaxConstants = 6;
inline constexpr uint32_t kPushBytes = 128;

// Values of the constants with ids 0, 1, ...
struct Constants {
  uint32_t values[kMaxConstants] = {};
  bool operator==(const Constants&) const = default;
};

class Pipelines {
 public:
  Pipelines() noexcept = default;
  Pipelines(const Pipelines&) = delete;
  Pipelines& operator=(const Pipelines&) = delete;
  ~Pipelines();

  // Once. Statuses: out_of_memory.
  Status init(Device* device) noexcept;
  // Statuses: out_of_memory, unsupported (the driver cannot make it).
  Result<VkPipeline> get(Shader shader, const Constants& constants) noexcept;
  VkPipelineLayout layout() const noexcept { return layout_; }

 private:
  struct Row {
    Shader shader;
    Constants constants;
    VkPipeline pipeline;
  };
  Result<VkPipeline> make(Shader shader, const Constants& constants) noexcept;

  Device* device_ = nullptr;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  Array<Row> rows_;
};

}  // namespace runnel::vulkan
