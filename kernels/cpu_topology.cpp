#include "kernels/cpu_topology.h"

namespace runnel {
namespace {

constexpr uint32_t kDefaultL1d = 32 * 1024;
constexpr uint32_t kDefaultL2 = 256 * 1024;

struct Cluster {
  uint32_t id;
  uint32_t cores;
  uint64_t frequency_hz;
  bool efficiency;
};

void keep_smallest(uint32_t* bytes, uint32_t seen) noexcept {
  if (seen != 0 && (*bytes == 0 || seen < *bytes)) *bytes = seen;
}

}  // namespace

CpuTopology read_topology(const CoreReader& reader) noexcept {
  CpuTopology topology = {};
  Cluster clusters[kMaxClusters] = {};
  uint32_t count = 0;
  uint64_t fastest_hz = 0;
  for (uint32_t i = 0; i < reader.core_count(); ++i) {
    const CoreFacts core = reader.core(i);
    if (!core.usable) continue;
    uint32_t at = 0;
    while (at < count && clusters[at].id != core.cluster) ++at;
    if (at == kMaxClusters) at = kMaxClusters - 1;  // more clusters than any chip has: the rest count as the last
    if (at == count) clusters[count++] = {core.cluster, 0, 0, true};
    clusters[at].cores += 1;
    clusters[at].efficiency = clusters[at].efficiency && core.efficiency;
    if (core.max_frequency_hz > clusters[at].frequency_hz) clusters[at].frequency_hz = core.max_frequency_hz;
    if (core.max_frequency_hz > fastest_hz) fastest_hz = core.max_frequency_hz;
  }

  bool any_performance = false;
  for (uint32_t i = 0; i < count; ++i) {
    const bool slow = clusters[i].frequency_hz != 0 && clusters[i].frequency_hz < fastest_hz / 10 * 6;
    clusters[i].efficiency = clusters[i].efficiency || slow;
    any_performance = any_performance || !clusters[i].efficiency;
  }
  topology.cluster_count = count;
  for (uint32_t i = 0; i < count; ++i) {
    const bool performance = !any_performance || !clusters[i].efficiency;
    topology.clusters[i] = {clusters[i].cores, clusters[i].frequency_hz, performance};
    topology.cores += clusters[i].cores;
    if (performance) topology.performance_cores += clusters[i].cores;
  }
  for (uint32_t i = 0; i < reader.core_count(); ++i) {
    const CoreFacts core = reader.core(i);
    for (uint32_t c = 0; core.usable && c < count; ++c) {
      if (clusters[c].id != core.cluster || !topology.clusters[c].performance) continue;
      keep_smallest(&topology.l1d_bytes, core.l1d_bytes);
      keep_smallest(&topology.l2_bytes, core.l2_bytes);
      keep_smallest(&topology.l3_bytes, core.l3_bytes);
    }
  }
  if (topology.cores == 0) topology.cores = topology.performance_cores = 1;  // the reader knew nothing
  if (topology.l1d_bytes == 0) topology.l1d_bytes = kDefaultL1d;
  if (topology.l2_bytes == 0) topology.l2_bytes = kDefaultL2;
  return topology;
}

uint32_t recommended_threads(const CpuTopology& topology) noexcept {
  const uint32_t most = topology.cores > 2 ? topology.cores - 1 : topology.cores;
  const uint32_t wanted = topology.performance_cores < most ? topology.performance_cores : most;
  return wanted == 0 ? 1 : wanted;
}

}  // namespace runnel
