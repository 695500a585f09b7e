// cpu_topology() of this machine: cores, clusters and caches by cpuinfo, the affinity mask by the operating system.
#include <cpuinfo.h>

#include "kernels/cpu_topology.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace runnel {
namespace {

bool is_efficiency_design(const cpuinfo_core& core) noexcept {
  switch (core.uarch) {
    case cpuinfo_uarch_cortex_a32:
    case cpuinfo_uarch_cortex_a35:
    case cpuinfo_uarch_cortex_a53:
    case cpuinfo_uarch_cortex_a55r0:
    case cpuinfo_uarch_cortex_a55:
    case cpuinfo_uarch_icestorm: return true;
    default: break;
  }
#if defined(__aarch64__)
  // Arm designs younger than the packaged cpuinfo: Cortex-A510 and A520, by implementer and part of MIDR.
  const uint32_t implementer_part = core.midr & 0xff00fff0;
  return implementer_part == 0x4100d460 || implementer_part == 0x4100d800;
#else
  return false;
#endif
}

class CpuinfoReader final : public CoreReader {
 public:
  CpuinfoReader() noexcept {
#if defined(__linux__)
    has_mask_ = sched_getaffinity(0, sizeof(mask_), &mask_) == 0;
#endif
  }
  uint32_t core_count() const noexcept override { return known_ ? cpuinfo_get_cores_count() : 0; }
  CoreFacts core(uint32_t index) const noexcept override {
    const cpuinfo_core& core = *cpuinfo_get_core(index);
    const cpuinfo_processor& first = *cpuinfo_get_processor(core.processor_start);
    CoreFacts facts = {};
    facts.cluster = static_cast<uint32_t>(core.cluster - cpuinfo_get_cluster(0));
    facts.max_frequency_hz = core.frequency;
    facts.efficiency = is_efficiency_design(core);
    for (uint32_t i = 0; i < core.processor_count; ++i)
      facts.usable = facts.usable || is_usable(*cpuinfo_get_processor(core.processor_start + i));
    if (first.cache.l1d != nullptr) facts.l1d_bytes = first.cache.l1d->size;
    if (first.cache.l2 != nullptr) {
      const uint32_t sharing = first.cache.l2->processor_count / core.processor_count;
      facts.l2_bytes = first.cache.l2->size / (sharing == 0 ? 1 : sharing);
    }
    if (first.cache.l3 != nullptr) facts.l3_bytes = first.cache.l3->size;
    return facts;
  }

 private:
  bool is_usable([[maybe_unused]] const cpuinfo_processor& processor) const noexcept {
#if defined(__linux__)
    return !has_mask_ || processor.linux_id >= CPU_SETSIZE || CPU_ISSET(processor.linux_id, &mask_);
#else
    return true;
#endif
  }

  bool known_ = cpuinfo_initialize();
#if defined(__linux__)
  cpu_set_t mask_;
  bool has_mask_;
#endif
};

}  // namespace

const CpuTopology& cpu_topology() noexcept {
  static const CpuTopology topology = read_topology(CpuinfoReader());
  return topology;
}

}  // namespace runnel
