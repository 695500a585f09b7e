// A small graph on a Vulkan device, of which some nodes are timed: random weights, one step checked against the CPU's
// executor, then the nodes alone, as the device's executor records them.
#pragma once

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/support/vulkan_device.h"
#include "graph/builder.h"
#include "graph/vulkan/executor.h"
#include "tests/kernels/matmul/matmul_problem.h"

namespace runnel::bench {

// Rows of an embedding: the ids of a step.
inline constexpr uint32_t kTableRows = 64;

struct VulkanCase {
  Graph graph;
  const OpDef* timed = nullptr;  // its nodes are
  uint32_t tokens = 1, depth = 0;
  Activations activations = Activations::f32;
  KvType kv = KvType::f16;
  // Of one node, for GB/s and GMAC/s; 0: not shown.
  double bytes = 0, macs = 0;
};

// Runs the row: iterations are batches, the time is a node's. Says why and stops where there is no device, where the
// device does not run the nodes as asked, and where the result is wrong.
void run_vulkan_row(benchmark::State& state, VulkanCase one);

// Batches of a row.
inline constexpr int kVulkanBatches = 5;

}  // namespace runnel::bench
