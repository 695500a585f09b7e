// Cores, clusters and caches of this device, and how many threads a session should use by default.
//
// What the operating system says is read through CoreReader, so that tests feed the topologies of real phones.
// Thread rule: cpu_topology() any thread; the first call reads, the answer never changes.
#pragma once

#include <stdint.h>

namespace runnel {

// What a reader knows of one physical core. 0 stands for unknown.
struct CoreFacts {
  uint32_t cluster;           // cores of one cluster are alike and numbered from 0
  uint64_t max_frequency_hz;  // highest clock
  bool efficiency;            // a design known to be the small one of a pair (Cortex-A53, A55, A510, Icestorm, ...)
  bool usable;                // this process may run there (affinity mask)
  uint32_t l1d_bytes;
  uint32_t l2_bytes;  // this core's share of its second-level cache
  uint32_t l3_bytes;  // the whole last-level cache it reaches
};

class CoreReader {
 public:
  virtual uint32_t core_count() const noexcept = 0;
  virtual CoreFacts core(uint32_t index) const noexcept = 0;

 protected:
  ~CoreReader() = default;
};

inline constexpr uint32_t kMaxClusters = 8;

struct CpuCluster {
  uint32_t cores;         // usable ones
  uint64_t frequency_hz;  // of its fastest core
  bool performance;       // a decode step may wait for one of these
};

struct CpuTopology {
  uint32_t cores;              // usable physical cores, at least 1
  uint32_t performance_cores;  // ... of clusters marked performance, at least 1
  uint32_t cluster_count;
  CpuCluster clusters[kMaxClusters];
  // Of the smallest performance core, or a careful guess (32 KiB, 256 KiB, 0).
  uint32_t l1d_bytes;
  uint32_t l2_bytes;
  uint32_t l3_bytes;
};

// A cluster is an efficiency cluster when its design is a small one, or its clock is below 60% of the fastest one's,
// and another cluster is neither. Everything else is performance: a step ends when its slowest thread ends.
CpuTopology read_topology(const CoreReader& reader) noexcept;

// This machine.
const CpuTopology& cpu_topology() noexcept;

// Performance cores, but never all cores of a device that has more than 2: the app and the system need one.
uint32_t recommended_threads(const CpuTopology& topology) noexcept;
inline uint32_t recommended_threads() noexcept { return recommended_threads(cpu_topology()); }

}  // namespace runnel
