#include "graph/vulkan/instance.h"

#include <cstdio>
#include <cstring>
#include <utility>

namespace runnel::vulkan {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

VKAPI_ATTR VkBool32 VKAPI_CALL print_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                             const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  std::fprintf(stderr, "vulkan: %s\n", data->pMessage);
  return VK_FALSE;
}

bool has_layer(const Api& api, const char* wanted) noexcept {
  uint32_t count = 0;
  if (api.vkEnumerateInstanceLayerProperties(&count, nullptr) != VK_SUCCESS) return false;
  Array<VkLayerProperties> layers;
  if (!layers.resize(count) || api.vkEnumerateInstanceLayerProperties(&count, layers.data()) != VK_SUCCESS)
    return false;
  for (const VkLayerProperties& layer : layers) {
    if (std::strcmp(layer.layerName, wanted) == 0) return true;
  }
  return false;
}

}  // namespace

Result<Instance> Instance::create(const InstanceOptions& options) noexcept {
  Instance instance;
  PFN_vkGetInstanceProcAddr loader = options.loader;
  if (loader == nullptr) {
    RUNNEL_ASSIGN(loader, system_loader());
  }
  Api& api = instance.api_;
  RUNNEL_TRY(api.load_global(loader));
  uint32_t version = 0;
  RUNNEL_TRY(check(api.vkEnumerateInstanceVersion(&version), "asking the loader's version"));
  if (version < VK_API_VERSION_1_2)
    return Status::error(Code::unsupported, "vulkan: the loader is for Vulkan 1.%u, 1.2 is needed",
                         VK_API_VERSION_MINOR(version));
  if (options.validate && !has_layer(api, kValidationLayer))
    return Status::error(Code::unsupported, "vulkan: the validation layer (%s) is not installed", kValidationLayer);

  auto application = vk_struct<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pEngineName = "runnel";
  application.apiVersion = VK_API_VERSION_1_2;
  auto messages =
      vk_struct<VkDebugUtilsMessengerCreateInfoEXT>(VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
  messages.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messages.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  messages.pfnUserCallback = options.message != nullptr ? options.message : print_message;
  messages.pUserData = options.message_context;
  const char* const extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  auto create = vk_struct<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  create.pApplicationInfo = &application;
  if (options.validate) {
    create.pNext = &messages;
    create.enabledLayerCount = 1;
    create.ppEnabledLayerNames = &kValidationLayer;
    create.enabledExtensionCount = 1;
    create.ppEnabledExtensionNames = &extension;
  }
  RUNNEL_TRY(check(api.vkCreateInstance(&create, nullptr, &instance.handle_), "creating an instance"));
  RUNNEL_TRY(api.load_instance(instance.handle_));
  if (options.validate) {
    const auto make = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        loader(instance.handle_, "vkCreateDebugUtilsMessengerEXT"));
    if (make == nullptr) return Status::error(Code::unsupported, "vulkan: the loader has no debug messages");
    RUNNEL_TRY(check(make(instance.handle_, &messages, nullptr, &instance.messenger_), "asking for debug messages"));
  }
  return instance;
}

Instance::Instance(Instance&& other) noexcept
    : api_(other.api_),
      handle_(std::exchange(other.handle_, VK_NULL_HANDLE)),
      messenger_(std::exchange(other.messenger_, VK_NULL_HANDLE)) {}

Instance::~Instance() {
  if (handle_ == VK_NULL_HANDLE || api_.vkDestroyInstance == nullptr) return;
  if (messenger_ != VK_NULL_HANDLE) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        api_.vkGetInstanceProcAddr(handle_, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(handle_, messenger_, nullptr);
  }
  api_.vkDestroyInstance(handle_, nullptr);
}

Status Instance::find_devices(Array<VkPhysicalDevice>* devices) const noexcept {
  uint32_t count = 0;
  RUNNEL_TRY(check(api_.vkEnumeratePhysicalDevices(handle_, &count, nullptr), "listing devices"));
  if (!devices->resize(count)) return out_of_memory("vulkan", "the list of devices");
  if (count == 0) return {};
  VkResult result = api_.vkEnumeratePhysicalDevices(handle_, &count, devices->data());
  if (result == VK_INCOMPLETE) result = VK_SUCCESS;  // one came meanwhile
  devices->truncate(count);
  return check(result, "listing devices");
}

Status Instance::list(Array<DeviceInfo>* devices) const noexcept {
  Array<VkPhysicalDevice> handles;
  RUNNEL_TRY(find_devices(&handles));
  for (uint32_t i = 0; i < handles.size(); ++i) {
    if (!devices->push(describe_device(api_, handles[i], i))) return out_of_memory("vulkan", "the list of devices");
  }
  return {};
}

Result<VkPhysicalDevice> Instance::physical_device(uint32_t index) const noexcept {
  Array<VkPhysicalDevice> handles;
  RUNNEL_TRY(find_devices(&handles));
  if (index >= handles.size())
    return Status::error(Code::invalid_argument, "vulkan: there is no device %u, there are %zu", index, handles.size());
  return handles[index];
}

}  // namespace runnel::vulkan
