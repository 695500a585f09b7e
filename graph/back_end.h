// What a back end for devices beside the CPU is to the rest of the library: a table of functions that an app names when
// it opens a model. An app that names none links none.
//
// A device's executor runs the same graph over the same KV pages as the CPU's, node by node wherever the device can and
// by the CPU's own code where it cannot.
#pragma once

#include "graph/cpu/executor.h"
#include "runnel/array.h"
#include "runnel/device.h"

namespace runnel {

// Bytes that an executor takes, from the graph alone: what the device holds, all of it counted once.
struct DevicePlan {
  ExecutorPlan cpu;           // arena_bytes is 0 here: the arena is the device's
  uint64_t weight_bytes = 0;  // of nodes that the device runs, but for those that it reads where the host has them
  uint64_t arena_bytes = 0;   // activations
  uint64_t step_bytes = 0;    // what a step brings and takes: ids, page tables, logits; staging at open
};

// What of the weights a device reads where the host has them: slices of so many bytes, the first of which begins
// lead_bytes before the weights do. A tensor that crosses from one slice to the next is copied as if there were none.
struct WeightImport {
  uint64_t slice_bytes = 0;  // 0: nothing
  uint64_t lead_bytes = 0;

  bool holds(const TensorDesc& tensor) const noexcept {
    const uint64_t begin = lead_bytes + tensor.offset;
    return slice_bytes != 0 && begin / slice_bytes == (begin + tensor.bytes - 1) / slice_bytes;
  }
};

struct DeviceExecutorOptions {
  ExecutorOptions cpu;
  uint32_t context_tokens = 0;  // the longest sequence
  uint32_t submission_ms = 0;   // about how long the device computes until it can be asked to stop; 0: 8
  WeightImport import = {};     // what import_weights() gave
};

class DeviceExecutor {
 public:
  // As CpuExecutor::run(); pages lie in memory of take_pages(). Status: device_lost as well, once: the keys and values
  // of every sequence are then unknown, and later steps run on the CPU.
  virtual Status run(const StepInput& input, ParallelFor& workers) noexcept = 0;
  virtual const DevicePlan& plan() const noexcept = 0;
  // Any thread. Rows stay as they are and live as long as the executor; after the device is lost, a call gives others.
  virtual std::span<const PlacementRow> placement() const noexcept = 0;
  // Times a step of one token with every node where it is placed, and with all on the CPU; a driver's verdict on a
  // model is kept. Empty: the device is the faster one; else both times, in words. Statuses: as run().
  virtual Status compare_with_cpu(ParallelFor& workers, char (&slower)[120]) noexcept = 0;
  virtual void destroy() noexcept = 0;

 protected:
  ~DeviceExecutor() = default;
};

class ComputeDevice {
 public:
  virtual const DeviceInfo& info() const noexcept = 0;
  // Zeroed memory that the device and the CPU both address. Status: out_of_memory.
  virtual Result<uint8_t*> take_pages(uint64_t bytes) noexcept = 0;
  virtual void give_pages(uint8_t* memory) noexcept = 0;  // accepts null
  // Lets the device read the weights (a model's data region) where they lie, until it is closed or imports others; they
  // must outlive that. A device with memory of its own does not: there they are copied. Statuses: unsupported (why
  // not), out_of_memory, device_lost.
  virtual Result<WeightImport> import_weights(std::span<const uint8_t> weights) noexcept = 0;
  // What import_weights() would give, found out with the first page of the weights. Nothing stays imported.
  virtual Result<WeightImport> foresee_import(std::span<const uint8_t> weights) noexcept = 0;
  // What the driver has given for everything here, imports not among it.
  virtual uint64_t allocated_bytes() const noexcept = 0;
  // Brings the weights, tests every kernel that the graph needs, and says in placement() what came of it. The graph and
  // the weights outlive the executor, the executor must not outlive the device. Statuses: out_of_memory, unsupported,
  // device_lost, and what the weights' own are.
  virtual Result<DeviceExecutor*> make_executor(const Graph& graph, const WeightView& weights,
                                                const DeviceExecutorOptions& options) noexcept = 0;
  virtual void close() noexcept = 0;

 protected:
  ~ComputeDevice() = default;
};

struct BackEnd {
  const char* name;
  // Appends every device, usable or not. Status: unsupported (there is no driver).
  Status (*devices)(Array<DeviceInfo>* devices) noexcept;
  // Most that an executor can take; pure arithmetic.
  Result<DevicePlan> (*plan)(const Graph& graph, const DeviceExecutorOptions& options) noexcept;
  // `device`: an index, the beginning of a uuid, or "" for the best one. `cache_folder` (may be null): where compiled
  // pipelines and verdicts are kept. Statuses: unsupported, invalid_argument, out_of_memory.
  Result<ComputeDevice*> (*open)(const char* device, const char* cache_folder) noexcept;
};

}  // namespace runnel
