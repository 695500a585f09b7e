// One tensor of the model file from the rows of its source tensors: dequantised and quantised where types differ,
// packed panel by panel, in slabs of a few megabytes, whatever the tensor's size.
//
// Thread rule: slabs run on the workers, bytes leave in order on the calling thread. Results do not depend on the
// number of workers.
#pragma once

#include <atomic>
#include <functional>
#include <span>

#include "converters/recipe/recipe.h"
#include "graph/graph.h"
#include "kernels/base/parallel_for.h"

namespace runnel {

struct PackJob {
  const TensorDesc* desc = nullptr;
  // The tensor's rows, top to bottom; of a vector, its columns, left to right. Shapes fit desc.
  std::span<const PlannedWeight* const> parts;
  ParallelFor* workers = nullptr;
  // The parts lie in a mapped file, whose pages may be dropped once read. (Of other memory that would lose the bytes.)
  bool source_is_mapped = false;
  uint64_t buffer_bytes = 0;                                     // most for buffers; 0: what suits the workers
  const std::atomic<bool>* cancel = nullptr;                     // may be null
  std::function<Status(std::span<const uint8_t> packed)> write;  // desc->bytes in all, in order
  std::function<void(uint64_t source_bytes)> advanced;           // after each batch; may be empty
};

// Sums over all values w and what they became, q.
struct PackError {
  double difference = 0;  // sum (w - q)^2
  double power = 0;       // sum w^2
  double relative_rms() const;
};

// Statuses: cancelled; over_budget, when not even one panel fits the buffers; corrupt_file for values that are not
// finite; what `write` returned.
Result<PackError> pack_tensor(const PackJob& job);

}  // namespace runnel
