// model_file_seeds FOLDER: writes the seeds of fuzz_model_file.cpp. Run by hand, into corpus/model_file, when the
// schema changes.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>

#include "graph/file/format.h"
#include "tests/support/small_model.h"

namespace {

using namespace runnel;

void write_seeds(const std::filesystem::path& folder) {
  const test::TempFolder temp;
  std::vector<uint8_t> file;
  for (const uint32_t layers : {1u, 2u}) {
    test::SmallModel model;
    model.layers = layers;
    if (const Status status = test::write_small(model, temp / "a.rnl"); !status.ok())
      throw std::runtime_error(status.message());
    file = test::read_file(temp / "a.rnl");
    uint64_t header_bytes;
    std::memcpy(&header_bytes, file.data() + 16, sizeof header_bytes);
    // The byte before the header chooses the target's mode.
    std::vector<uint8_t> seed(file.begin() + rnl::kPreludeBytes - 1,
                              file.begin() + rnl::kPreludeBytes + static_cast<ptrdiff_t>(header_bytes));
    seed[0] = 1;
    test::write_file(folder / ("header-" + std::to_string(layers)), seed);
  }
  // The prelude alone: a file that breaks off.
  std::vector<uint8_t> seed(rnl::kPreludeBytes + 1);
  std::copy_n(file.begin(), rnl::kPreludeBytes, seed.begin() + 1);
  test::write_file(folder / "prelude", seed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 2;
  try {
    write_seeds(argv[1]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s: %s\n", argv[0], error.what()), 1;
  }
}
