// Writes the seeds of tests/fuzz/fuzz_model_file.cpp into $RUNNEL_SEED_DIR; a tool, run by hand when the schema
// changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "graph/file/format.h"
#include "tests/support/small_model.h"

namespace runnel {
namespace {

TEST(ModelFileSeeds, DISABLED_Write) {
  const char* folder = std::getenv("RUNNEL_SEED_DIR");
  ASSERT_NE(folder, nullptr);
  const test::TempFolder temp;
  for (const uint32_t layers : {1u, 2u}) {
    test::SmallModel model;
    model.layers = layers;
    ASSERT_TRUE(test::write_small(model, temp / "a.rnl").ok());
    const std::vector<uint8_t> file = test::read_file(temp / "a.rnl");
    uint64_t header_bytes;
    std::memcpy(&header_bytes, file.data() + 16, sizeof header_bytes);
    // The byte before the header chooses the target's mode.
    std::vector<uint8_t> seed(file.begin() + rnl::kPreludeBytes - 1,
                              file.begin() + rnl::kPreludeBytes + static_cast<ptrdiff_t>(header_bytes));
    seed[0] = 1;
    test::write_file(std::string(folder) + "/header-" + std::to_string(layers), seed);
  }
  // The prelude alone: a file that breaks off.
  const std::vector<uint8_t> file = test::read_file(temp / "a.rnl");
  std::vector<uint8_t> seed(rnl::kPreludeBytes + 1);
  std::copy_n(file.begin(), rnl::kPreludeBytes, seed.begin() + 1);
  test::write_file(std::string(folder) + "/prelude", seed);
}

}  // namespace
}  // namespace runnel
