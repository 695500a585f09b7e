#include "graph/vulkan/pipelines.h"

namespace runnel::vulkan {

Pipelines::~Pipelines() {
  if (device_ == nullptr) return;
  const Api& api = device_->api();
  for (const Row& row : rows_) api.vkDestroyPipeline(device_->handle(), row.pipeline, nullptr);
  if (layout_ != VK_NULL_HANDLE) api.vkDestroyPipelineLayout(device_->handle(), layout_, nullptr);
}

Status Pipelines::init(Device* device) noexcept {
  device_ = device;
  const VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, kPushBytes};
  auto create = vk_struct<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  create.pushConstantRangeCount = 1;
  create.pPushConstantRanges = &range;
  return check(device->api().vkCreatePipelineLayout(device->handle(), &create, nullptr, &layout_),
               "creating a pipeline layout");
}

Result<VkPipeline> Pipelines::get(Shader shader, const Constants& constants) noexcept {
  for (const Row& row : rows_) {
    if (row.shader == shader && row.constants == constants) return row.pipeline;
  }
  if (!rows_.reserve(rows_.size() + 1)) return out_of_memory("vulkan", "the list of pipelines");
  RUNNEL_ASSIGN(const VkPipeline pipeline, make(shader, constants));
  (void)rows_.push({shader, constants, pipeline});  // reserved above
  return pipeline;
}

Result<VkPipeline> Pipelines::make(Shader shader, const Constants& constants) noexcept {
  const Api& api = device_->api();
  const std::span<const uint32_t> code = shader_code(shader);
  auto source = vk_struct<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  source.codeSize = code.size_bytes();
  source.pCode = code.data();
  VkShaderModule module = VK_NULL_HANDLE;
  RUNNEL_TRY(check(api.vkCreateShaderModule(device_->handle(), &source, nullptr, &module), "reading a shader")
                 .with_context("%s", shader_name(shader)));
  VkSpecializationMapEntry entries[kMaxConstants];
  for (uint32_t i = 0; i < kMaxConstants; ++i) entries[i] = {i, i * 4, 4};
  VkSpecializationInfo values = {};
  values.mapEntryCount = kMaxConstants;
  values.pMapEntries = entries;
  values.dataSize = sizeof constants.values;
  values.pData = constants.values;
  auto create = vk_struct<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
  create.flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT;  // a dispatch may be cut
  create.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  create.stage.module = module;
  create.stage.pName = "main";
  create.stage.pSpecializationInfo = &values;
  create.layout = layout_;
  VkPipeline pipeline = VK_NULL_HANDLE;
  Status status =
      check(api.vkCreateComputePipelines(device_->handle(), device_->pipeline_cache(), 1, &create, nullptr, &pipeline),
            "compiling a shader");
  api.vkDestroyShaderModule(device_->handle(), module, nullptr);
  if (!status.ok()) return std::move(status).with_context("%s", shader_name(shader));
  return pipeline;
}

}  // namespace runnel::vulkan
