// Every row of dtypes.inc: dequantisation against the format's definition, panels, tails, guards, sizes.
#include "kernels/dtype.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "tests/kernels/dtypes/random_blocks.h"

namespace runnel::test {
namespace {

class DTypeRow : public testing::TestWithParam<const DTypeInfo*> {
 protected:
  const DTypeInfo& type() const { return *GetParam(); }
};

// The formats' arithmetic rounds at most once, so the float is the rounded exact value.
TEST_P(DTypeRow, DequantisesByDefinition) {
  std::mt19937 random(1);
  const size_t count = std::max<size_t>(64, 16384 / type().group);
  const std::vector<uint8_t> blocks = random_blocks(type(), count, random);
  std::vector<float> out(count * type().group + 1, 12345.0f);
  type().dequantize(blocks.data(), out.data(), count);
  EXPECT_EQ(out.back(), 12345.0f) << "wrote past the end";
  const ReferenceFn& reference = references().at(type().name);
  for (size_t b = 0; b < count; ++b) {
    const BlockBits bits(blocks.data() + b * type().block_bytes);
    for (uint32_t e = 0; e < type().group; ++e)
      ASSERT_EQ(out[b * type().group + e], static_cast<float>(reference(bits, static_cast<int>(e))))
          << "block " << b << " value " << e;
  }
}

TEST_P(DTypeRow, ZeroBytesAreZeros) {
  const std::vector<uint8_t> zeros(type().block_bytes);
  std::vector<float> out(type().group, 1.0f);
  type().dequantize(zeros.data(), out.data(), 1);
  for (const float x : out) EXPECT_EQ(x, 0.0f);
}

TEST_P(DTypeRow, PackThenUnpackIsTheSameBytes) {
  std::mt19937 random(2);
  for (uint32_t rows = 1; rows <= type().nr; ++rows) {
    for (const uint32_t blocks : {1u, 3u, 7u}) {
      const size_t row_bytes = size_t(blocks) * type().block_bytes;
      const std::vector<uint8_t> source = random_blocks(type(), size_t(rows) * blocks, random);
      std::vector<const void*> row_pointers(type().nr, nullptr);
      for (uint32_t r = 0; r < rows; ++r) row_pointers[r] = source.data() + r * row_bytes;

      constexpr size_t kGuard = 64;
      const size_t panel_bytes = row_bytes * type().nr;
      std::vector<uint8_t> memory(panel_bytes + 3 * kGuard, 0xa5);
      uint8_t* panel = memory.data() + kGuard;
      panel += -reinterpret_cast<uintptr_t>(panel) % 64;
      type().pack_panel(row_pointers.data(), blocks, panel);
      for (const uint8_t* p = memory.data(); p < panel; ++p) ASSERT_EQ(*p, 0xa5);
      for (const uint8_t* p = panel + panel_bytes; p < memory.data() + memory.size(); ++p)
        ASSERT_EQ(*p, 0xa5) << "wrote past the panel";

      for (uint32_t r = 0; r < type().nr; ++r) {
        for (uint32_t begin = 0; begin < blocks; ++begin) {
          const uint32_t count = blocks - begin;
          std::vector<uint8_t> back(count * type().block_bytes + 1, 0x5a);
          type().unpack_row(panel, blocks, r, begin, count, back.data());
          ASSERT_EQ(back.back(), 0x5a);
          const std::vector<uint8_t> none(row_bytes);
          const uint8_t* want = r < rows ? source.data() + r * row_bytes : none.data();
          ASSERT_EQ(std::memcmp(back.data(), want + begin * type().block_bytes, back.size() - 1), 0)
              << "rows " << rows << " blocks " << blocks << " row " << r << " from " << begin;
        }
      }
    }
  }
}

TEST_P(DTypeRow, PackedRowsDequantise) {
  std::mt19937 random(3);
  const uint32_t rows = type().nr + 1;
  for (const uint32_t blocks : {1u, 7u, 300u}) {
    PackedShape shape;
    ASSERT_TRUE(packed_shape(type(), rows, blocks * type().group, &shape));
    ASSERT_EQ(shape.panels, 2u);
    ASSERT_EQ(shape.blocks, blocks);
    const size_t row_bytes = size_t(blocks) * type().block_bytes;
    ASSERT_EQ(shape.bytes, 2 * type().nr * row_bytes);
    const std::vector<uint8_t> source = random_blocks(type(), size_t(rows) * blocks, random);
    std::vector<uint8_t> packed(shape.bytes + 64);
    uint8_t* base = packed.data() + -reinterpret_cast<uintptr_t>(packed.data()) % 64;
    for (uint32_t p = 0; p < shape.panels; ++p) {
      std::vector<const void*> pointers(type().nr, nullptr);
      for (uint32_t r = 0; r < type().nr; ++r)
        if (p * type().nr + r < rows) pointers[r] = source.data() + (p * type().nr + r) * row_bytes;
      type().pack_panel(pointers.data(), blocks, base + p * shape.panel_bytes);
    }
    std::vector<float> got(blocks * type().group), want(blocks * type().group);
    for (uint32_t r = 0; r < shape.panels * type().nr; ++r) {
      dequantize_packed_row(type(), base, shape, r, got.data());
      if (r < rows) {
        type().dequantize(source.data() + r * row_bytes, want.data(), blocks);
      } else {
        std::fill(want.begin(), want.end(), 0.0f);
      }
      ASSERT_EQ(got, want) << "row " << r;
    }
  }
}

TEST_P(DTypeRow, IsFoundByEachOfItsNames) {
  EXPECT_EQ(find_dtype(static_cast<uint32_t>(type().dtype)), &type());
  EXPECT_EQ(find_dtype(std::string_view(type().name)), &type());
  EXPECT_EQ(find_ggml_dtype(type().ggml_type), &type());
  EXPECT_EQ(&dtype_info(type().dtype), &type());
  EXPECT_EQ(type().group * 4 % type().kr, 0u);
}

INSTANTIATE_TEST_SUITE_P(Rows, DTypeRow, testing::ValuesIn(dtypes().begin(), dtypes().end()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(DType, UnknownNamesAreNull) {
  EXPECT_EQ(find_dtype(uint32_t(dtypes().size())), nullptr);
  EXPECT_EQ(find_dtype(0xffffffffu), nullptr);
  EXPECT_EQ(find_dtype(std::string_view("q9")), nullptr);
  EXPECT_EQ(find_ggml_dtype(-1), nullptr);
  EXPECT_EQ(find_ggml_dtype(4), nullptr);  // a type that GGUF dropped
}

TEST(DType, PackedShapeRefusesWhatDoesNotFit) {
  PackedShape shape;
  const DTypeInfo& f32 = dtype_info(DType::f32);
  EXPECT_FALSE(packed_shape(f32, 0, 5, &shape));
  EXPECT_FALSE(packed_shape(f32, 5, 0, &shape));
  EXPECT_FALSE(packed_shape(f32, 0xffffffffu, 0xffffffffu, &shape));
  ASSERT_TRUE(packed_shape(f32, 17, 5, &shape));
  EXPECT_EQ(shape.bytes, 2 * 16 * 5 * 4u);
  ASSERT_TRUE(packed_shape(dtype_info(DType::q4g32), 16, 33, &shape));
  EXPECT_EQ(shape.blocks, 2u);
  EXPECT_EQ(shape.panel_bytes, 2 * 288u);
}

// The layout that tuned kernels read, spelled out.
TEST(DType, BlockPanelsLieAsKernelsExpect) {
  struct Case {
    DType dtype;
    uint32_t halves, words;
  };
  for (const Case c :
       {Case{DType::q4g32, 1, 4}, Case{DType::q4ag32, 2, 4}, Case{DType::q8g32, 1, 8}, Case{DType::iq4g32, 1, 4}}) {
    const DTypeInfo& type = dtype_info(c.dtype);
    std::mt19937 random(4);
    const uint32_t blocks = 3;
    const std::vector<uint8_t> source = random_blocks(type, 16 * blocks, random);
    const void* rows[16];
    for (int r = 0; r < 16; ++r) rows[r] = source.data() + r * blocks * type.block_bytes;
    alignas(64) std::array<uint8_t, 3 * 16 * 36> panel;
    type.pack_panel(rows, blocks, panel.data());
    for (uint32_t b = 0; b < blocks; ++b) {
      const uint8_t* column = panel.data() + b * 16 * type.block_bytes;
      for (uint32_t r = 0; r < 16; ++r) {
        const uint8_t* block = source.data() + (r * blocks + b) * type.block_bytes;
        for (uint32_t i = 0; i < 2 * c.halves; ++i) ASSERT_EQ(column[i / 2 * 32 + 2 * r + i % 2], block[i]);
        for (uint32_t i = 0; i < 4 * c.words; ++i)
          ASSERT_EQ(column[32 * c.halves + i / 4 * 64 + 4 * r + i % 4], block[2 * c.halves + i]);
      }
    }
  }
}

// Where they find the fifth bits: k 4j + c at bit j of byte c of a row's lane.
TEST(DType, FifthBitsLieAsKernelsExpect) {
  struct Case {
    DType dtype;
    uint32_t halves;
  };
  for (const Case c : {Case{DType::q5g32, 1}, Case{DType::q5ag32, 2}}) {
    const DTypeInfo& type = dtype_info(c.dtype);
    std::mt19937 random(5);
    const std::vector<uint8_t> source = random_blocks(type, 16, random);
    const void* rows[16];
    for (uint32_t r = 0; r < 16; ++r) rows[r] = source.data() + r * type.block_bytes;
    std::vector<uint8_t> panel(16 * type.block_bytes);
    type.pack_panel(rows, 1, panel.data());
    const uint8_t* lanes = panel.data() + 32 * c.halves;
    for (uint32_t r = 0; r < 16; ++r) {
      const uint8_t* block = source.data() + r * type.block_bytes + 2 * c.halves;
      for (uint32_t k = 0; k < 32; ++k)
        ASSERT_EQ(lanes[4 * r + k % 4] >> k / 4 & 1, block[k / 8] >> k % 8 & 1) << "row " << r << " k " << k;
      for (uint32_t i = 0; i < 16; ++i) ASSERT_EQ(lanes[64 + i / 4 * 64 + 4 * r + i % 4], block[4 + i]);
    }
  }
}

}  // namespace
}  // namespace runnel::test
