#include "graph/cpu/float_linear.h"

#include <xnnpack.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel {

struct FloatLinear {
  uint32_t rows, chunk_rows, chunk_count;
  size_t y_stride;             // floats
  xnn_operator_t operators[];  // chunk_count
};

namespace {

// XNNPACK asks for memory here, so that the budget's gate sees it. Counts what it asks for while `g_counting` is set,
// which only the probe below does, under the lock of a static initialiser.
bool g_counting = false;
size_t g_counted_bytes = 0;

void* xnn_take(size_t bytes, size_t alignment) noexcept {
  if (g_counting) g_counted_bytes += bytes;
  return allocate(bytes, std::max<size_t>(alignment, kCacheLineBytes));
}

const xnn_allocator kAllocator = {
    .context = nullptr,
    .allocate = [](void*, size_t bytes) { return xnn_take(bytes, kCacheLineBytes); },
    // Operators never grow; refusing is allowed and would only fail their creation.
    .reallocate = [](void*, void*, size_t) -> void* { return nullptr; },
    .deallocate = [](void*, void* memory) { release(memory); },
    .aligned_allocate = [](void*, size_t alignment, size_t bytes) { return xnn_take(bytes, alignment); },
    .aligned_deallocate = [](void*, void* memory) { release(memory); },
};

xnn_status create_operator(uint32_t rows, uint32_t cols, size_t x_stride, size_t y_stride, const float* weights,
                           const float* bias, xnn_operator_t* out) noexcept {
  return xnn_create_fully_connected_nc_f32(cols, rows, x_stride, y_stride, weights, bias, -INFINITY, INFINITY, 0, out);
}

// How XNNPACK packs on this CPU, found by packing two small matrices.
struct Packing {
  xnn_status status = xnn_status_uninitialized;
  size_t operator_bytes = 0;  // beside the weights
  size_t row_multiple = 0, col_multiple = 0;
};

// Bytes asked for by an operator of (1, cols).
size_t probe_bytes(uint32_t cols, xnn_status* status) noexcept {
  float weights[64 + XNN_EXTRA_BYTES / sizeof(float)] = {};
  xnn_operator_t probe = nullptr;
  g_counted_bytes = 0;
  g_counting = true;
  *status = create_operator(1, cols, cols, 1, weights, nullptr, &probe);
  g_counting = false;
  if (probe != nullptr) xnn_delete_operator(probe);
  return g_counted_bytes;
}

// Packed: rows up to a multiple, each its bias and its columns up to a multiple. Three widths tell the three unknowns
// apart, multiples being powers of two up to 32.
Packing find_packing() noexcept {
  Packing packing;
  packing.status = xnn_initialize(&kAllocator);
  if (packing.status != xnn_status_success) return packing;
  const size_t narrow = probe_bytes(1, &packing.status);
  if (packing.status != xnn_status_success) return packing;
  const size_t middle = probe_bytes(32, &packing.status);
  const size_t wide = probe_bytes(64, &packing.status);
  if (wide <= middle) {
    // Somebody else initialised XNNPACK with another allocator: nothing was counted. Count on the widest tiles.
    packing.operator_bytes = 4096;
    packing.row_multiple = packing.col_multiple = 32;
    return packing;
  }
  packing.row_multiple = (wide - middle) / (32 * sizeof(float));
  packing.col_multiple = 32 - (middle - narrow) / (packing.row_multiple * sizeof(float));
  packing.operator_bytes = wide - packing.row_multiple * 65 * sizeof(float);
  return packing;
}

const Packing& packing() noexcept {
  static const Packing found = find_packing();
  return found;
}

size_t list_bytes(uint32_t chunk_count) noexcept { return sizeof(FloatLinear) + chunk_count * sizeof(xnn_operator_t); }

}  // namespace

Status float_linear_ready() noexcept {
  const xnn_status status = packing().status;
  if (status == xnn_status_success) return {};
  if (status == xnn_status_out_of_memory) return out_of_memory("xnnpack", "its tables");
  return Status::error(Code::unsupported, "xnnpack: this CPU cannot run it (status %d)", static_cast<int>(status));
}

uint32_t float_linear_chunk_rows(uint32_t rows, uint32_t cols) noexcept {
  constexpr uint32_t kRowMultiple = 32;
  constexpr uint32_t kChunks = 16;
  constexpr uint32_t kChunkFloats = 1u << 18;
  const uint32_t balanced = ceil_div(ceil_div(rows, kChunks), kRowMultiple);
  const uint32_t small = std::max(1u, kChunkFloats / cols / kRowMultiple);
  return std::min(rows, std::min(balanced, small) * kRowMultiple);
}

uint64_t float_linear_bytes(uint32_t rows, uint32_t cols) noexcept {
  const Packing& found = packing();
  const uint32_t chunk_rows = float_linear_chunk_rows(rows, cols);
  const uint32_t chunk_count = ceil_div(rows, chunk_rows);
  const uint64_t row_bytes = (round_up<uint64_t>(cols, found.col_multiple) + 1) * sizeof(float);
  const uint64_t last_rows = rows - uint64_t{chunk_count - 1} * chunk_rows;
  const uint64_t packed_rows = (chunk_count - 1) * round_up<uint64_t>(chunk_rows, found.row_multiple) +
                               round_up<uint64_t>(last_rows, found.row_multiple);
  return packed_rows * row_bytes + chunk_count * found.operator_bytes + list_bytes(chunk_count);
}

uint64_t float_linear_scratch_bytes(uint32_t rows, uint32_t cols) noexcept {
  return uint64_t{float_linear_chunk_rows(rows, cols)} * cols * sizeof(float) + XNN_EXTRA_BYTES;
}

Result<FloatLinear*> create_float_linear(const FloatLinearSource& source) noexcept {
  const TensorDesc& desc = *source.desc;
  const DTypeInfo& type = dtype_info(desc.dtype);
  PackedShape shape;
  if (!packed_shape(type, desc.rows, desc.cols, &shape)) {
    return Status::error(Code::internal, "xnnpack: weight %s has no packed shape", desc.name);
  }
  const uint32_t chunk_rows = float_linear_chunk_rows(desc.rows, desc.cols);
  const uint32_t chunk_count = ceil_div(desc.rows, chunk_rows);
  auto* linear = static_cast<FloatLinear*>(allocate(list_bytes(chunk_count)));
  if (linear == nullptr) return out_of_memory("xnnpack", desc.name);
  std::memset(static_cast<void*>(linear), 0, list_bytes(chunk_count));
  linear->rows = desc.rows;
  linear->chunk_rows = chunk_rows;
  linear->chunk_count = chunk_count;
  linear->y_stride = source.y_stride;
  for (uint32_t chunk = 0; chunk < chunk_count; ++chunk) {
    const uint32_t first = chunk * chunk_rows;
    const uint32_t count = std::min(chunk_rows, desc.rows - first);
    for (uint32_t r = 0; r < count; ++r) {
      dequantize_packed_row(type, source.packed, shape, first + r, source.scratch + size_t{r} * desc.cols);
    }
    const float* bias = source.bias == nullptr ? nullptr : source.bias + first;
    const xnn_status status = create_operator(count, desc.cols, source.x_stride, source.y_stride, source.scratch, bias,
                                              &linear->operators[chunk]);
    if (status == xnn_status_success) continue;
    destroy_float_linear(linear);
    if (status == xnn_status_out_of_memory) return out_of_memory("xnnpack", desc.name);
    return Status::error(Code::unsupported, "xnnpack: no operator for weight %s (%u, %u): status %d", desc.name,
                         desc.rows, desc.cols, static_cast<int>(status));
  }
  return linear;
}

void destroy_float_linear(FloatLinear* linear) noexcept {
  if (linear == nullptr) return;
  for (uint32_t chunk = 0; chunk < linear->chunk_count; ++chunk) {
    if (linear->operators[chunk] != nullptr) xnn_delete_operator(linear->operators[chunk]);
  }
  release(linear);
}

void run_float_linear(FloatLinear* linear, uint32_t chunk, uint32_t rows, const float* x, float* y) noexcept {
  const xnn_operator_t op = linear->operators[chunk];
  float* out = y + size_t{chunk} * linear->chunk_rows;
  const bool done = xnn_setup_fully_connected_nc_f32(op, rows, x, out, nullptr) == xnn_status_success &&
                    xnn_run_operator(op, nullptr) == xnn_status_success;
  if (done) return;
  // Cannot happen to an operator that was created; if it does, not-a-number shows it where stale values would not.
  const uint32_t count = std::min(linear->chunk_rows, linear->rows - chunk * linear->chunk_rows);
  for (uint32_t r = 0; r < rows; ++r) std::fill_n(out + r * linear->y_stride, count, NAN);
}

}  // namespace runnel
