#include "bench/support/vulkan_device.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "kernels/base/clock.h"

namespace runnel::bench {
namespace {

constexpr uint64_t kCopyBytes = uint64_t{128} << 20;

Result<double> measure_copy(vulkan::Device& device) {
  RUNNEL_ASSIGN(const vulkan::Buffer from, device.make_buffer(kCopyBytes, vulkan::Use::weights, "a copy's source"));
  RUNNEL_ASSIGN(const vulkan::Buffer to, device.make_buffer(kCopyBytes, vulkan::Use::weights, "a copy"));
  const VkBufferCopy copy = {0, 0, kCopyBytes};
  double best = 0;
  for (int i = 0; i < 6; ++i) {  // the first one touches the memory
    const uint64_t start = now_ns();
    RUNNEL_TRY(device.copy(from.handle(), to.handle(), {&copy, 1}));
    if (i > 0) best = std::max(best, 2.0 * kCopyBytes / static_cast<double>(now_ns() - start));
  }
  return best;
}

}  // namespace

vulkan::ComputeDeviceImpl* vulkan_device(std::string* why) {
  struct Closer {
    void operator()(vulkan::ComputeDeviceImpl* device) const { device->close(); }
  };
  static std::unique_ptr<vulkan::ComputeDeviceImpl, Closer> device;
  static const std::string refused = []() -> std::string {
    const char* name = std::getenv("RUNNEL_BENCH_DEVICE");
    Result<ComputeDevice*> opened = vulkan::open_compute_device(name != nullptr ? name : "", nullptr);
    if (!opened.ok()) return opened.status().message();
    device.reset(static_cast<vulkan::ComputeDeviceImpl*>(*opened));
    return {};
  }();
  *why = refused;
  return device.get();
}

double vulkan_copy_gb_s(vulkan::Device& device) {
  static double rate = 0;
  static uint64_t measured_at = 0;
  if (measured_at == 0 || now_ns() - measured_at > 20'000'000'000) {
    const Result<double> fresh = measure_copy(device);
    rate = fresh.ok() ? *fresh : 0;
    measured_at = now_ns();
  }
  return rate;
}

}  // namespace runnel::bench
