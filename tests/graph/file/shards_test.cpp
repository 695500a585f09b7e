// Sharded files: missing, swapped and foreign shards; a shard by itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "graph/file/model_file.h"
#include "tests/support/small_model.h"

namespace runnel {
namespace {

using test::SmallModel;
using test::TempFolder;

class Shards : public testing::Test {
 protected:
  void SetUp() override {
    model_.width = 256;
    model_.vocab = 300;
    options_.chunk_bytes = 65536;
    options_.shard_bytes = 192 << 10;
    const Status status = test::write_small(model_, folder_ / "m.rnl", options_);
    ASSERT_TRUE(status.ok()) << status.message();
    names_ = test::names_in(folder_);
    ASSERT_GE(names_.size(), 4u);
  }
  std::filesystem::path shard(size_t i) const { return folder_ / names_[i]; }
  void expect_refused(const std::filesystem::path& path, Code code, const char* part) const {
    const Status status = ModelFile::open(path.c_str()).status();
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_NE(std::strstr(status.message(), part), nullptr) << part << " is missing in: " << status.message();
  }

  TempFolder folder_;
  SmallModel model_;
  WriterOptions options_;
  std::vector<std::string> names_;
};

TEST_F(Shards, MissingOne) {
  std::filesystem::remove(shard(2));
  expect_refused(shard(0), Code::io, "(shard 3 of");
}

TEST_F(Shards, SwappedOnes) {
  std::filesystem::rename(shard(1), folder_ / "x");
  std::filesystem::rename(shard(2), shard(1));
  std::filesystem::rename(folder_ / "x", shard(2));
  expect_refused(shard(0), Code::corrupt_file, "is shard 3 by its content, 2 by its name");
}

TEST_F(Shards, OneOfAnotherModel) {
  const TempFolder other;
  SmallModel model = model_;
  model.seed = 2;
  ASSERT_TRUE(test::write_small(model, other / "m.rnl", options_).ok());
  std::filesystem::copy_file(other / names_[1], shard(1), std::filesystem::copy_options::overwrite_existing);
  expect_refused(shard(0), Code::corrupt_file, "is a shard of another model");
}

TEST_F(Shards, TruncatedOne) {
  std::filesystem::resize_file(shard(1), std::filesystem::file_size(shard(1)) - 64);
  expect_refused(shard(0), Code::corrupt_file, "truncated");
}

TEST_F(Shards, OpeningALaterOneNamesTheFirst) { expect_refused(shard(1), Code::invalid_argument, "open the first"); }

TEST_F(Shards, ARenamedFirstOneSaysSo) {
  std::filesystem::rename(shard(0), folder_ / "renamed.rnl");
  expect_refused(folder_ / "renamed.rnl", Code::invalid_argument, "rename it back");
}

TEST_F(Shards, FlippedWeightsAreFound) {
  std::vector<uint8_t> bytes = test::read_file(shard(2));
  bytes[bytes.size() - 100] ^= 4;
  test::write_file(shard(2), bytes);
  ModelFileOptions eager;
  eager.verify = Verify::eager;
  const Status status = ModelFile::open(shard(0).c_str(), eager).status();
  EXPECT_EQ(status.code(), Code::corrupt_file) << status.message();
}

TEST_F(Shards, TooSmallForTheHeader) {
  WriterOptions options = options_;
  options.shard_bytes = 70000;
  const Status status = test::write_small(model_, folder_ / "n.rnl", options);
  EXPECT_EQ(status.code(), Code::invalid_argument) << status.message();
  EXPECT_NE(std::strstr(status.message(), "too small"), nullptr) << status.message();
}

TEST_F(Shards, ATrustedFingerprintChangesWithAnyShard) {
  auto first = ModelFile::open(shard(0).c_str());
  ASSERT_TRUE(first.ok());
  const std::string fingerprint(first->fingerprint());
  EXPECT_EQ(fingerprint.size(), 64u);
  ModelFileOptions options;
  options.trusted_fingerprint = fingerprint;
  auto again = ModelFile::open(shard(0).c_str(), options);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->verified());
  std::vector<uint8_t> bytes = test::read_file(shard(1));
  bytes[bytes.size() - 100] ^= 4;
  std::filesystem::remove(shard(1));
  test::write_file(shard(1), bytes);
  auto changed = ModelFile::open(shard(0).c_str(), options);
  ASSERT_TRUE(changed.ok());
  EXPECT_FALSE(changed->verified());
  EXPECT_NE(changed->fingerprint(), fingerprint);
}

// All shards as a list of open files, the later ones at a page of their file.
TEST_F(Shards, FromDescriptors) {
  std::vector<FileSlice> slices;
  for (size_t i = 0; i < names_.size(); ++i) {
    const uint64_t offset = 65536 * (i + 1);
    std::vector<uint8_t> bytes = test::read_file(shard(i));
    const uint64_t length = bytes.size();
    bytes.insert(bytes.begin(), offset, 0xee);
    test::write_file(folder_ / "slice", bytes);
    const int fd = ::open((folder_ / "slice").c_str(), O_RDONLY);
    ASSERT_GE(fd, 0);
    std::filesystem::remove(folder_ / "slice");
    slices.push_back({fd, offset, length});
  }
  const auto open = [&](std::span<const FileSlice> files) {
    return ModelFile::open(ModelSource{.path = nullptr, .files = files, .memory = {}}, {.verify = Verify::eager});
  };
  const auto file = open(slices);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto by_path = ModelFile::open(shard(0).c_str());
  ASSERT_TRUE(by_path.ok());
  for (uint32_t i = 0; i < file->graph().tensors.size(); ++i)
    EXPECT_EQ(std::memcmp(file->tensor_data(i), by_path->tensor_data(i), file->graph().tensors[i].bytes), 0) << i;

  const Status few = open(std::span(slices).first(2)).status();
  EXPECT_EQ(few.code(), Code::invalid_argument);
  EXPECT_NE(std::strstr(few.message(), "2 slice(s) are given"), nullptr) << few.message();
  std::swap(slices[1], slices[2]);
  EXPECT_EQ(open(slices).status().code(), Code::corrupt_file);
  std::swap(slices[1], slices[2]);
  slices[1].offset = 64;  // no prelude there
  EXPECT_EQ(open(slices).status().code(), Code::corrupt_file);
  for (const FileSlice& slice : slices) ::close(slice.fd);
}

}  // namespace
}  // namespace runnel
