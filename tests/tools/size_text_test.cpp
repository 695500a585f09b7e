// Sizes on the command line.
#include "tools/runnel/size_text.h"

#include <gtest/gtest.h>

namespace runnel::tools {
namespace {

struct Row {
  const char* text;
  bool ok;
  uint64_t bytes;
};

TEST(SizeText, Parses) {
  const Row rows[] = {
      {"640M", true, 640ull << 20},
      {"1.5G", true, 3ull << 29},
      {"4096", true, 4096},
      {"2k", true, 2048},
      {"1GiB", true, 1ull << 30},
      {"1mb", true, 1ull << 20},
      {"0", true, 0},
      {"3B", true, 3},
      {"", false, 0},
      {"M", false, 0},
      {"-1M", false, 0},
      {"1X", false, 0},
      {"1Mx", false, 0},
      {"99999999999T", false, 0},
      {"nan", false, 0},
      {"1e400", false, 0},
      {" 1M", false, 0},
      {"0x10", false, 0},
      {"1.2.3", false, 0},
  };
  for (const Row& row : rows) {
    uint64_t bytes = 0;
    EXPECT_EQ(parse_size(row.text, &bytes), row.ok) << row.text;
    if (row.ok) {
      EXPECT_EQ(bytes, row.bytes) << row.text;
    }
  }
}

TEST(SizeText, Formats) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1536), "1.50 KB");
  EXPECT_EQ(format_size(640ull << 20), "640.00 MB");
}

}  // namespace
}  // namespace runnel::tools
