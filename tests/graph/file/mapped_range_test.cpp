#include "graph/file/mapped_range.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

#include "tests/support/tiny_models.h"

namespace runnel {
namespace {

constexpr uint64_t kLargePage = 2 << 20;

struct Row {
  uint64_t file_offset, bytes;
};

class MappedRanges : public testing::TestWithParam<Row> {};

TEST_P(MappedRanges, LieInLargePagesAsTheirFilesDo) {
  const auto [offset, bytes] = GetParam();
  const test::TempFolder folder;
  std::vector<uint8_t> content(offset + bytes);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
  std::ofstream(folder / "file", std::ios::binary)
      .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  const int fd = ::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  // Several at once, so that the system cannot give the same lucky place each time.
  std::vector<MappedRange> ranges;
  for (int i = 0; i < 3; ++i) {
    auto range = MappedRange::reserve(bytes, offset);
    ASSERT_TRUE(range.ok()) << range.status().message();
    ASSERT_TRUE(range->map(0, fd, offset, bytes).ok());
    ranges.push_back(std::move(*range));
  }
  ::close(fd);
  for (const MappedRange& range : ranges) {
    if (bytes >= kLargePage) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(range.bytes()) % kLargePage, offset % kLargePage);
    }
    EXPECT_TRUE(std::equal(range.bytes(), range.bytes() + bytes, content.begin() + static_cast<ptrdiff_t>(offset)));
  }
}

INSTANTIATE_TEST_SUITE_P(OffsetsAndSizes, MappedRanges,
                         testing::Values(Row{0, 1}, Row{5, 100}, Row{0, kLargePage}, Row{0x14000, 3 * kLargePage},
                                         Row{kLargePage + 100, kLargePage + 1},
                                         Row{kLargePage - 1, 2 * kLargePage + 77}, Row{70000, kLargePage - 1}));

TEST(MappedRange, RefusesWhatFitsNoAddresses) {
  EXPECT_EQ(MappedRange::reserve(UINT64_MAX, 4096).status().code(), Code::unsupported);
  EXPECT_EQ(MappedRange::reserve(UINT64_MAX, 5).status().code(), Code::unsupported);
  EXPECT_FALSE(MappedRange::reserve(uint64_t{1} << 60, 0).ok());
}

}  // namespace
}  // namespace runnel
