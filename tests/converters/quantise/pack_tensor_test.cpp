// Packing: what lands in the file is each source row, quantised once, in its place.
#include "converters/quantise/pack_tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "runtime/pool/worker_pool.h"

namespace runnel {
namespace {

// A source tensor with its bytes.
struct Source {
  SourceTensor view;
  std::vector<uint8_t> bytes;
  PlannedWeight planned;

  Source(DType dtype, uint32_t rows, uint32_t cols, uint32_t seed) {
    const DTypeInfo& type = dtype_info(dtype);
    const uint32_t blocks = (cols + type.group - 1) / type.group;
    std::mt19937 rng(seed);
    std::normal_distribution<float> normal;
    std::vector<float> row(size_t{blocks} * type.group);
    view.name = "source";
    view.type = &type;
    view.type_name = type.name;
    view.rows = rows;
    view.cols = cols;
    view.row_bytes = uint64_t{blocks} * type.block_bytes;
    bytes.resize(rows * view.row_bytes);
    for (uint32_t r = 0; r < rows; ++r) {
      for (uint32_t c = 0; c < cols; ++c) row[c] = normal(rng);
      type.quantize(row.data(), bytes.data() + r * view.row_bytes, blocks);
    }
    view.data = bytes.data();
    planned.name = "w";
    planned.tensor = &view;
  }
  Source(const Source&) = delete;

  std::vector<float> row(uint32_t r) const {
    const uint32_t blocks = static_cast<uint32_t>(view.row_bytes / view.type->block_bytes);
    std::vector<float> out(size_t{blocks} * view.type->group);
    view.type->dequantize(bytes.data() + r * view.row_bytes, out.data(), blocks);
    out.resize(view.cols);
    return out;
  }
};

struct Packed {
  TensorDesc desc;
  std::vector<uint8_t> bytes;
  PackError error;
  Status status;
};

Packed pack(DType to, uint32_t rows, uint32_t cols, const std::vector<const PlannedWeight*>& parts,
            ParallelFor* workers = nullptr, const std::atomic<bool>* cancel = nullptr) {
  SerialFor serial;
  Packed out;
  out.desc.dtype = to;
  out.desc.rows = rows;
  out.desc.cols = cols;
  EXPECT_TRUE(tensor_layout(&out.desc));
  PackJob job;
  job.desc = &out.desc;
  job.parts = parts;
  job.workers = workers != nullptr ? workers : &serial;
  job.cancel = cancel;
  job.write = [&](std::span<const uint8_t> bytes) {
    out.bytes.insert(out.bytes.end(), bytes.begin(), bytes.end());
    return Status();
  };
  Result<PackError> error = pack_tensor(job);
  if (error.ok()) {
    out.error = *error;
    EXPECT_EQ(out.bytes.size(), out.desc.bytes);
  } else {
    out.status = error.status();
  }
  return out;
}

std::vector<float> unpack_row(const Packed& packed, uint32_t row) {
  const DTypeInfo& type = dtype_info(packed.desc.dtype);
  PackedShape shape;
  EXPECT_TRUE(packed_shape(type, packed.desc.rows, packed.desc.cols, &shape));
  std::vector<uint8_t> aligned(packed.bytes);
  std::vector<float> out(size_t{shape.blocks} * type.group);
  dequantize_packed_row(type, aligned.data(), shape, row, out.data());
  return out;
}

class PackTypes : public testing::TestWithParam<DType> {};

// Widths that do not fill a group, heights that do not fill a panel, parts one below the other.
TEST_P(PackTypes, RowsComeBackAsQuantisedOnce) {
  const DTypeInfo& type = dtype_info(GetParam());
  const uint32_t cols = 300;
  Source a(DType::f16, 21, cols, 1), b(DType::f16, 9, cols, 2);
  const Packed packed = pack(GetParam(), 30, cols, {&a.planned, &b.planned});
  ASSERT_TRUE(packed.status.ok()) << packed.status.message();
  double difference = 0, power = 0;
  for (uint32_t r = 0; r < 30; ++r) {
    const std::vector<float> wanted = r < 21 ? a.row(r) : b.row(r - 21);
    std::vector<float> once(wanted);
    const uint32_t blocks = (cols + type.group - 1) / type.group;
    once.resize(size_t{blocks} * type.group);
    std::vector<uint8_t> form(size_t{blocks} * type.block_bytes);
    type.quantize(once.data(), form.data(), blocks);
    type.dequantize(form.data(), once.data(), blocks);
    EXPECT_EQ(unpack_row(packed, r), once) << "row " << r;
    for (uint32_t c = 0; c < cols; ++c) {
      difference += std::pow(double{wanted[c]} - once[c], 2);
      power += std::pow(double{wanted[c]}, 2);
    }
  }
  EXPECT_NEAR(packed.error.relative_rms(), std::sqrt(difference / power), 1e-6);
}
INSTANTIATE_TEST_SUITE_P(, PackTypes, testing::Values(DType::f32, DType::f16, DType::bf16, DType::q8g32, DType::q4g32),
                         [](const auto& param) { return dtype_info(param.param).name; });

TEST(PackTensor, KeepCopiesBlocks) {
  for (DType type : {DType::q8g32, DType::q4g32, DType::q6g16s256}) {
    if (dtype_info(type).quantize == nullptr) continue;
    Source a(type, 18, 512, 3);
    const Packed packed = pack(type, 18, 512, {&a.planned});
    ASSERT_TRUE(packed.status.ok()) << packed.status.message();
    EXPECT_EQ(packed.error.relative_rms(), 0);
    for (uint32_t r = 0; r < 18; ++r) EXPECT_EQ(unpack_row(packed, r), a.row(r));
  }
}

// The row order of llama.cpp's q and k undone: row 2i + p of a head there is row i + p * dim / 2 here.
TEST(PackTensor, InterleavedHeadsAreUndone) {
  constexpr uint32_t kHeads = 3, kDim = 8;
  Source a(DType::f32, kHeads * kDim, 40, 4);
  a.planned.interleaved_heads = kHeads;
  const Packed packed = pack(DType::f32, kHeads * kDim, 40, {&a.planned});
  for (uint32_t head = 0; head < kHeads; ++head)
    for (uint32_t i = 0; i < kDim / 2; ++i)
      for (uint32_t p = 0; p < 2; ++p)
        EXPECT_EQ(unpack_row(packed, head * kDim + p * kDim / 2 + i), a.row(head * kDim + 2 * i + p));
}

TEST(PackTensor, VectorsAreFloatAndLieSideBySide) {
  Source a(DType::f16, 1, 8, 5), b(DType::f32, 1, 4, 6);
  a.planned.interleaved_heads = 2;
  const Packed packed = pack(DType::f32, 1, 12, {&a.planned, &b.planned});
  ASSERT_TRUE(packed.status.ok()) << packed.status.message();
  std::vector<float> got(12);
  std::memcpy(got.data(), packed.bytes.data(), sizeof(float) * got.size());
  const std::vector<float> x = a.row(0), y = b.row(0);
  EXPECT_EQ(got, (std::vector<float>{x[0], x[2], x[1], x[3], x[4], x[6], x[5], x[7], y[0], y[1], y[2], y[3]}));
}

TEST(PackTensor, ThreadsDoNotChangeABit) {
  Source a(DType::f16, 3000, 320, 7);
  const Packed one = pack(DType::q4g32, 3000, 320, {&a.planned});
  for (uint32_t threads : {2u, 4u}) {
    Result<WorkerPool> pool = WorkerPool::create(threads);
    ASSERT_TRUE(pool.ok());
    const Packed many = pack(DType::q4g32, 3000, 320, {&a.planned}, &*pool);
    EXPECT_EQ(many.bytes, one.bytes);
    EXPECT_EQ(many.error.difference, one.error.difference);
    EXPECT_EQ(many.error.power, one.error.power);
  }
}

TEST(PackTensor, CancelAndNonFiniteValuesStop) {
  Source a(DType::f32, 64, 64, 8);
  const std::atomic<bool> cancel = true;
  EXPECT_EQ(pack(DType::q8g32, 64, 64, {&a.planned}, nullptr, &cancel).status.code(), Code::cancelled);
  const float infinity = INFINITY;
  std::memcpy(a.bytes.data() + 33 * 256, &infinity, 4);
  const Packed packed = pack(DType::q8g32, 64, 64, {&a.planned});
  EXPECT_EQ(packed.status.code(), Code::corrupt_file);
  EXPECT_NE(std::string(packed.status.message()).find("row 33"), std::string::npos) << packed.status.message();
}

}  // namespace
}  // namespace runnel
