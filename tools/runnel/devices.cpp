// runnel devices: what could compute here beside the CPU, and why it cannot.
#include <cstdio>
#include <memory>

#include "runnel/vulkan.h"
#include "tools/runnel/command.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/size_text.h"

namespace runnel::tools {
namespace {

Json device_json(const DeviceInfo& device) {
  Json heaps = Json::array();
  for (uint32_t h = 0; h < device.heap_count; ++h) {
    const DeviceInfo::Heap& heap = device.heaps[h];
    heaps.push_back({{"bytes", heap.bytes}, {"device_local", heap.device_local}, {"host_visible", heap.host_visible}});
  }
  return {{"index", device.index},
          {"name", device.name},
          {"driver", device.driver},
          {"uuid", device.uuid},
          {"kind", device_kind_name(device.kind)},
          {"vulkan", std::to_string(device.api_major) + "." + std::to_string(device.api_minor) + "." +
                         std::to_string(device.api_patch)},
          {"usable", device.usable},
          {"why", device.why},
          {"float16", device.float16},
          {"storage16", device.storage16},
          {"int8", device.int8},
          {"integer_dot", device.integer_dot},
          {"integer_dot_fast", device.integer_dot_fast},
          {"cooperative_matrix", device.cooperative_matrix},
          {"imports_host_memory", device.imports_host_memory},
          {"subgroup_size", device.subgroup_size},
          {"subgroup_min", device.subgroup_min},
          {"subgroup_max", device.subgroup_max},
          {"max_group_threads", device.max_group_threads},
          {"max_buffer_range", device.max_buffer_range},
          {"max_allocation_bytes", device.max_allocation_bytes},
          {"heaps", heaps}};
}

void print_device(const DeviceInfo& device) {
  const auto yes = [](bool value) { return value ? "yes" : "no"; };
  std::printf("%u: %s (%s, Vulkan %u.%u.%u)\n", device.index, device.name, device_kind_name(device.kind),
              device.api_major, device.api_minor, device.api_patch);
  std::printf("   %s\n", device.usable ? "usable" : (std::string("not usable: ") + device.why).c_str());
  std::printf("   driver %s; uuid %s\n", device.driver, device.uuid);
  std::printf(
      "   16-bit floats %s, 16-bit storage %s, 8-bit integers %s, integer dot products %s, cooperative matrices %s\n",
      yes(device.float16), yes(device.storage16), yes(device.int8),
      device.integer_dot_fast ? "in hardware" : yes(device.integer_dot), yes(device.cooperative_matrix));
  std::printf("   subgroups of %u to %u threads, work groups of %u; buffers to %s, allocations to %s\n",
              device.subgroup_min, device.subgroup_max, device.max_group_threads,
              format_size(device.max_buffer_range).c_str(), format_size(device.max_allocation_bytes).c_str());
  for (uint32_t h = 0; h < device.heap_count; ++h) {
    const DeviceInfo::Heap& heap = device.heaps[h];
    std::printf("   memory %s%s%s\n", format_size(heap.bytes).c_str(), heap.device_local ? ", the device's own" : "",
                heap.host_visible ? ", seen by the CPU" : "");
  }
}

Status run(bool json) {
  Array<DeviceInfo> devices;
  const Status status = list_devices(vulkan_back_end(), &devices);
  if (!status.ok() && status.code() != Code::unsupported) return status;
  if (json) {
    Json list = Json::array();
    for (const DeviceInfo& device : devices) list.push_back(device_json(device));
    print_json({{"devices", list}, {"why_none", devices.empty() ? status.message() : ""}});
    return {};
  }
  for (const DeviceInfo& device : devices) print_device(device);
  if (devices.empty())
    std::printf("no device beside the CPU: %s\n", status.ok() ? "no driver shows one" : status.message());
  return {};
}

}  // namespace

void add_devices(Parser& parser) {
  auto json = std::make_shared<bool>(false);
  Arguments arguments = parser.subcommand("devices", "What can compute here beside the CPU");
  arguments.flag("--json", json.get(), "Print one JSON object");
  arguments.example("runnel devices");
  arguments.runs([json] { return run(*json); });
}

}  // namespace runnel::tools
