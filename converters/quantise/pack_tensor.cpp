#include "converters/quantise/pack_tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "converters/source/mapped_file.h"
#include "converters/text.h"

namespace runnel {
namespace {

constexpr uint64_t kSlabValues = 256 * 1024;  // worth a thread's while, small enough to stay in cache
constexpr uint32_t kSlabsPerWorker = 4;       // in flight, so that one slow slab does not idle the rest
constexpr uint64_t kDropBytes = 1024 * 1024;  // below this, dropping mapped pages costs more than it saves

// Where row `row` of the checkpoint's order lies in a tensor whose heads are interleaved for rope.
uint32_t interleaved_row(uint32_t row, uint32_t rows, uint32_t heads) {
  if (heads == 0) return row;
  const uint32_t dim = rows / heads, within = row % dim, half = dim / 2;
  return row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
}

uint32_t length_of(const PlannedWeight& part) {
  return part.tensor != nullptr ? part.tensor->cols : static_cast<uint32_t>(part.constant.size());
}

uint64_t source_bytes(const PlannedWeight& part) {
  return part.tensor != nullptr ? part.tensor->row_bytes * part.tensor->rows : 0;
}

PackError measure(const float* wanted, const float* got, size_t count) {
  // Float sums over short runs vectorise; doubles over the runs keep what float would lose.
  constexpr size_t kRun = 512;
  PackError out;
  for (size_t begin = 0; begin < count; begin += kRun) {
    const size_t end = std::min(count, begin + kRun);
    float difference[8] = {}, power[8] = {};
    size_t i = begin;
    for (; i + 8 <= end; i += 8) {
      for (size_t l = 0; l < 8; ++l) {
        const float d = wanted[i + l] - got[i + l];
        difference[l] += d * d;
        power[l] += wanted[i + l] * wanted[i + l];
      }
    }
    for (; i < end; ++i) {
      const float d = wanted[i] - got[i];
      difference[0] += d * d;
      power[0] += wanted[i] * wanted[i];
    }
    for (size_t l = 0; l < 8; ++l) {
      out.difference += difference[l];
      out.power += power[l];
    }
  }
  return out;
}

bool all_finite(const float* values, size_t count) {
  bool finite = true;
  for (size_t i = 0; i < count; ++i) finite &= std::fabs(values[i]) <= 3.4028235e38f;
  return finite;
}

// A worker's private room.
struct Scratch {
  std::vector<float> values, back;  // one row, before and after
  std::vector<uint8_t> rows;        // a panel's rows in the target's row form
  std::vector<const void*> pointers;
};

class MatrixPacker {
 public:
  explicit MatrixPacker(const PackJob& job)
      : job_(job), type_(dtype_info(job.desc->dtype)), rows_(job.desc->rows), cols_(job.desc->cols) {}

  Result<PackError> run() {
    if (!packed_shape(type_, rows_, cols_, &shape_))
      return Status::error(Code::internal, "convert: tensor %s has no packed shape", job_.desc->name);
    row_bytes_ = size_t{shape_.blocks} * type_.block_bytes;
    const uint64_t panel_values = uint64_t{shape_.blocks} * type_.group * type_.nr;
    slab_panels_ = static_cast<uint32_t>(std::clamp<uint64_t>(kSlabValues / panel_values, 1, shape_.panels));
    const uint32_t workers = job_.workers->worker_count();
    uint32_t in_flight = workers * kSlabsPerWorker;
    RUNNEL_TRY(fit_buffers(workers, &in_flight));
    const uint32_t slabs = (shape_.panels + slab_panels_ - 1) / slab_panels_;
    const uint32_t batch = std::min(slabs, in_flight);
    buffer_.resize(batch * slab_panels_ * shape_.panel_bytes + kCacheLine);
    errors_.resize(batch);
    prepare_scratch(workers);

    PackError total;
    for (first_slab_ = 0; first_slab_ < slabs; first_slab_ += batch) {
      if (job_.cancel != nullptr && job_.cancel->load(std::memory_order_relaxed))
        return Status::error(Code::cancelled, "convert: cancelled in tensor %s", job_.desc->name);
      const uint32_t count = std::min(batch, slabs - first_slab_);
      job_.workers->run(count, 1, run_slices, this);
      if (bad_row_.load() != UINT32_MAX)
        return Status::error(Code::corrupt_file, "convert: row %u of tensor %s holds values that are not finite",
                             bad_row_.load(), job_.desc->name);
      const uint32_t first_panel = first_slab_ * slab_panels_;
      const uint32_t last_panel = std::min(first_panel + count * slab_panels_, shape_.panels);
      RUNNEL_TRY(job_.write({aligned(), (last_panel - first_panel) * shape_.panel_bytes}));
      for (uint32_t i = 0; i < count; ++i) {
        total.difference += errors_[i].difference;
        total.power += errors_[i].power;
      }
      release_source(first_panel * type_.nr, std::min(last_panel * type_.nr, rows_));
    }
    return total;
  }

 private:
  static constexpr size_t kCacheLine = 64;

  uint8_t* aligned() {
    const auto address = reinterpret_cast<uintptr_t>(buffer_.data());
    return buffer_.data() + (kCacheLine - address % kCacheLine) % kCacheLine;
  }

  // Of a row. Source and target groups may both reach beyond the true width.
  size_t scratch_width() const {
    size_t width = size_t{shape_.blocks} * type_.group;
    for (const PlannedWeight* part : job_.parts)
      width = std::max<size_t>(
          width, (cols_ + part->tensor->type->group - 1) / part->tensor->type->group * part->tensor->type->group);
    return width;
  }

  // Fewer slabs at a time, then smaller ones, until the buffers keep to their limit.
  Status fit_buffers(uint32_t workers, uint32_t* in_flight) {
    if (job_.buffer_bytes == 0) return {};
    const uint64_t fixed = workers * (2 * scratch_width() * sizeof(float) + type_.nr * (row_bytes_ + sizeof(void*)));
    const auto bytes = [&] { return fixed + kCacheLine + uint64_t{*in_flight} * slab_panels_ * shape_.panel_bytes; };
    while (bytes() > job_.buffer_bytes && *in_flight > 1) --*in_flight;
    while (bytes() > job_.buffer_bytes && slab_panels_ > 1) slab_panels_ /= 2;
    if (bytes() <= job_.buffer_bytes) return {};
    return Status::error(Code::over_budget, "convert: tensor %s needs buffers of %.1f MB, the budget leaves %.1f MB",
                         job_.desc->name, static_cast<double>(bytes()) / 1e6,
                         static_cast<double>(job_.buffer_bytes) / 1e6);
  }

  void prepare_scratch(uint32_t workers) {
    const size_t width = scratch_width();
    scratch_.resize(workers);
    for (Scratch& scratch : scratch_) {
      scratch.values.resize(width);
      scratch.back.resize(width);
      scratch.rows.resize(type_.nr * row_bytes_);
      scratch.pointers.resize(type_.nr);
    }
  }

  // The part that holds a row, and the row's number in it.
  const PlannedWeight& part_of(uint32_t row, uint32_t* within) const {
    size_t i = 0;
    while (row >= job_.parts[i]->tensor->rows) row -= job_.parts[i++]->tensor->rows;
    *within = row;
    return *job_.parts[i];
  }

  // The row in the target's row form: where it lies already, or written to `place`.
  const void* make_row(uint32_t row, Scratch& scratch, uint8_t* place, PackError* error) {
    uint32_t within;
    const PlannedWeight& part = part_of(row, &within);
    const SourceTensor& source = *part.tensor;
    const uint8_t* in = source.data + interleaved_row(within, source.rows, part.interleaved_heads) * source.row_bytes;
    if (source.type == &type_) return in;
    float* values = scratch.values.data();
    source.type->dequantize(in, values, source.row_bytes / source.type->block_bytes);
    std::fill(values + cols_, values + scratch.values.size(), 0.0f);
    if (!all_finite(values, cols_)) {
      bad_row_.store(row);
      return nullptr;
    }
    type_.quantize(values, place, shape_.blocks);
    type_.dequantize(place, scratch.back.data(), shape_.blocks);
    const PackError made = measure(values, scratch.back.data(), cols_);
    error->difference += made.difference;
    error->power += made.power;
    return place;
  }

  static void run_slices(void* context, Slice slice, uint32_t worker) noexcept {
    auto& self = *static_cast<MatrixPacker*>(context);
    for (uint32_t i = slice.begin; i < slice.end; ++i) self.pack_slab(i, self.scratch_[worker]);
  }

  void pack_slab(uint32_t in_batch, Scratch& scratch) {
    const uint32_t begin = (first_slab_ + in_batch) * slab_panels_;
    const uint32_t end = std::min(begin + slab_panels_, shape_.panels);
    uint8_t* out = aligned() + uint64_t{in_batch} * slab_panels_ * shape_.panel_bytes;
    PackError error;
    for (uint32_t panel = begin; panel < end; ++panel, out += shape_.panel_bytes) {
      for (uint32_t i = 0; i < type_.nr; ++i) {
        const uint32_t row = panel * type_.nr + i;
        uint8_t* place = scratch.rows.data() + i * row_bytes_;
        scratch.pointers[i] = row < rows_ ? make_row(row, scratch, place, &error) : nullptr;
      }
      type_.pack_panel(scratch.pointers.data(), shape_.blocks, out);
    }
    errors_[in_batch] = error;
  }

  // Rows [begin, end) will not be read again: their pages need not stay resident.
  void release_source(uint32_t begin, uint32_t end) {
    uint64_t bytes = 0;
    for (uint32_t row = begin; row < end;) {
      uint32_t within;
      const SourceTensor& source = *part_of(row, &within).tensor;
      const uint32_t count = std::min(end - row, source.rows - within);
      const uint64_t span = count * source.row_bytes;
      if (job_.source_is_mapped && span >= kDropBytes) drop_mapped({source.data + within * source.row_bytes, span});
      bytes += span;
      row += count;
    }
    if (job_.advanced) job_.advanced(bytes);
  }

  const PackJob& job_;
  const DTypeInfo& type_;
  const uint32_t rows_, cols_;
  PackedShape shape_ = {};
  size_t row_bytes_ = 0;
  uint32_t slab_panels_ = 0, first_slab_ = 0;
  std::vector<uint8_t> buffer_;  // a batch of packed slabs
  std::vector<PackError> errors_;
  std::vector<Scratch> scratch_;
  std::atomic<uint32_t> bad_row_ = UINT32_MAX;
};

// A vector is always float32 and lies plain.
Status pack_vector(const PackJob& job) {
  std::vector<float> out, values;
  uint64_t bytes = 0;
  for (const PlannedWeight* part : job.parts) {
    const uint32_t count = length_of(*part);
    values = part->constant;
    if (part->tensor != nullptr) {
      const DTypeInfo& type = *part->tensor->type;
      values.resize((count + type.group - 1) / type.group * type.group);
      type.dequantize(part->tensor->data, values.data(), values.size() / type.group);
    }
    if (!all_finite(values.data(), count))
      return Status::error(Code::corrupt_file, "convert: tensor %s holds values that are not finite",
                           in_quotes(part->name).c_str());
    for (uint32_t i = 0; i < count; ++i) out.push_back(values[interleaved_row(i, count, part->interleaved_heads)]);
    bytes += source_bytes(*part);
  }
  if (out.size() != job.desc->cols)
    return Status::error(Code::internal, "convert: vector %s came out with %zu values", job.desc->name, out.size());
  RUNNEL_TRY(job.write({reinterpret_cast<const uint8_t*>(out.data()), out.size() * sizeof(float)}));
  if (job.advanced) job.advanced(bytes);
  return {};
}

}  // namespace

double PackError::relative_rms() const { return power > 0 ? std::sqrt(difference / power) : 0; }

Result<PackError> pack_tensor(const PackJob& job) {
  if (job.desc->rows == 1) {
    RUNNEL_TRY(pack_vector(job));
    return PackError();
  }
  return MatrixPacker(job).run();
}

}  // namespace runnel
