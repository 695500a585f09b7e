// A model from a slice of an open file and from memory is the model from a path: the same plan, the same logits.
#include "runnel/source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "runnel/runnel.h"
#include "runnel/session.h"
#include "tests/support/small_model.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

const std::vector<int32_t> kIds = {10, 20, 30, 40, 50};

std::vector<float> logits_of(const Model& model) {
  auto session = Session::create(model);
  EXPECT_TRUE(session.ok()) << session.status().message();
  EXPECT_TRUE(session->append(kIds).ok());
  const auto row = session->logits();
  EXPECT_TRUE(row.ok());
  return {row->begin(), row->end()};
}

// The tiny model inside a larger file, like an asset in an archive.
class Source : public testing::Test {
 protected:
  void SetUp() override { bytes_ = test::read_file(test::tiny_model_path()); }
  ~Source() override {
    if (fd_ >= 0) ::close(fd_);
  }
  FileSlice embed(uint64_t offset) {
    std::vector<uint8_t> archive(offset, 0xee);
    archive.insert(archive.end(), bytes_.begin(), bytes_.end());
    archive.insert(archive.end(), 777, 0xee);
    const auto path = folder_ / "archive.bin";
    test::write_file(path, archive);
    fd_ = ::open(path.c_str(), O_RDONLY);
    EXPECT_GE(fd_, 0);
    return {fd_, offset, bytes_.size()};
  }

  test::TempFolder folder_;
  std::vector<uint8_t> bytes_;
  int fd_ = -1;
  OpenOptions options_{.threads = 2, .verify = Verify::eager};
};

void expect_same(const MemoryPlan& a, const MemoryPlan& b) {
  ASSERT_EQ(a.class_count, b.class_count);
  for (uint32_t i = 0; i < a.class_count; ++i) {
    EXPECT_STREQ(a.classes[i].name, b.classes[i].name);
    EXPECT_EQ(a.classes[i].bytes, b.classes[i].bytes) << a.classes[i].name;
  }
  EXPECT_EQ(a.context_tokens, b.context_tokens);
}

TEST_F(Source, FileSliceAtOffsetsThatNoPageBeginsAt) {
  const auto reference = Model::open(test::tiny_model_path().c_str(), options_);
  ASSERT_TRUE(reference.ok()) << reference.status().message();
  for (const uint64_t offset : {uint64_t{0}, uint64_t{64}, uint64_t{4096 + 192}, uint64_t{65536}}) {
    const FileSlice slice = embed(offset);
    const ModelSource source{.path = nullptr, .files = {&slice, 1}, .memory = {}};
    const auto plan = plan_model(source, options_);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    const auto model = Model::open(source, options_);
    ASSERT_TRUE(model.ok()) << offset << ": " << model.status().message();
    ::close(std::exchange(fd_, -1));  // it is the host's to close
    expect_same(model->plan(), reference->plan());
    expect_same(*plan, reference->plan());
    EXPECT_EQ(logits_of(*model), logits_of(*reference));
    EXPECT_NE(model->info().fingerprint, reference->info().fingerprint);
  }
}

TEST_F(Source, SliceWithoutALengthGoesToTheEnd) {
  FileSlice slice = embed(128);
  ASSERT_EQ(::truncate((folder_ / "archive.bin").c_str(), static_cast<off_t>(128 + bytes_.size())), 0);
  slice.bytes = 0;
  EXPECT_TRUE(Model::open({.path = nullptr, .files = {&slice, 1}, .memory = {}}, options_).ok());
}

TEST_F(Source, OffsetThatBreaksAlignmentIsRefusedWithWhatIsNeeded) {
  const FileSlice slice = embed(68);  // what zipalign gives: a multiple of 4
  const auto model = Model::open({.path = nullptr, .files = {&slice, 1}, .memory = {}}, options_);
  EXPECT_EQ(model.status().code(), Code::invalid_argument);
  EXPECT_NE(std::strstr(model.status().message(), "begins at byte 68 of its file, expected a multiple of 64"), nullptr)
      << model.status().message();
}

TEST_F(Source, SliceOutsideTheFileIsRefused) {
  FileSlice slice = embed(64);
  slice.bytes += 778;
  for (const uint64_t offset : {uint64_t{64}, uint64_t{1} << 40, UINT64_MAX - 63}) {
    slice.offset = offset;
    const auto model = Model::open({.path = nullptr, .files = {&slice, 1}, .memory = {}}, options_);
    EXPECT_EQ(model.status().code(), Code::invalid_argument) << model.status().message();
    EXPECT_NE(std::strstr(model.status().message(), "the file has"), nullptr) << model.status().message();
  }
  slice = {.fd = 1 << 20, .offset = 0, .bytes = 0};
  EXPECT_EQ(Model::open({.path = nullptr, .files = {&slice, 1}, .memory = {}}, options_).status().code(), Code::io);
}

TEST_F(Source, Memory) {
  const auto reference = Model::open(test::tiny_model_path().c_str(), options_);
  ASSERT_TRUE(reference.ok());
  test::AlignedBytes memory = test::aligned(bytes_);
  const ModelSource source{.path = nullptr, .files = {}, .memory = memory.span()};
  const auto model = Model::open(source, options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  expect_same(model->plan(), reference->plan());
  EXPECT_EQ(logits_of(*model), logits_of(*reference));
  const auto shifted = Model::open({.path = nullptr, .files = {}, .memory = {memory.data() + 4, memory.size - 4}});
  EXPECT_EQ(shifted.status().code(), Code::invalid_argument) << shifted.status().message();
}

TEST_F(Source, NoneOrTwoAreRefused) {
  EXPECT_EQ(Model::open(ModelSource{}).status().code(), Code::invalid_argument);
  const FileSlice slice = embed(64);
  const ModelSource two{.path = "x.rnl", .files = {&slice, 1}, .memory = {}};
  EXPECT_EQ(Model::open(two).status().code(), Code::invalid_argument);
  EXPECT_EQ(Model::open(nullptr).status().code(), Code::invalid_argument);
}

TEST_F(Source, InC) {
  const FileSlice slice = embed(4096 + 64);
  const runnel_file_slice file = {slice.fd, slice.offset, slice.bytes};
  test::AlignedBytes memory = test::aligned(bytes_);
  runnel_open_options options = {};
  options.struct_bytes = sizeof options;
  options.threads = 2;
  runnel_plan plan = {}, from_file = {}, from_memory = {};
  plan.struct_bytes = from_file.struct_bytes = from_memory.struct_bytes = sizeof plan;
  ASSERT_EQ(runnel_plan_model(test::tiny_model_path().c_str(), &options, &plan), RUNNEL_OK);

  runnel_source source = {};
  source.files = &file;
  source.file_count = 1;
  EXPECT_EQ(runnel_plan_model_from(&source, &options, &from_file), RUNNEL_INVALID_ARGUMENT) << "struct_bytes";
  source.struct_bytes = sizeof source;
  ASSERT_EQ(runnel_plan_model_from(&source, &options, &from_file), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(from_file.total_bytes, plan.total_bytes);
  runnel_model* model = nullptr;
  ASSERT_EQ(runnel_model_open_from(&source, &options, &model), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(runnel_model_verify(model), RUNNEL_OK);
  runnel_model_free(model);
  options.weights_mode = RUNNEL_WEIGHTS_RESIDENT;
  ASSERT_EQ(runnel_model_open_from(&source, &options, &model), RUNNEL_OK) << runnel_last_message();
  ASSERT_EQ(runnel_model_plan(model, &from_file), RUNNEL_OK);
  EXPECT_EQ(from_file.weights_mode, RUNNEL_WEIGHTS_RESIDENT);
  EXPECT_STRNE(from_file.weights_note, "");
  runnel_model_free(model);
  options.weights_mode = RUNNEL_WEIGHTS_AUTO;

  source = {};
  source.struct_bytes = sizeof source;
  source.memory = memory.data();
  source.memory_bytes = memory.size;
  ASSERT_EQ(runnel_plan_model_from(&source, &options, &from_memory), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(from_memory.total_bytes, plan.total_bytes);
  ASSERT_EQ(runnel_model_open_from(&source, &options, &model), RUNNEL_OK) << runnel_last_message();
  runnel_model_free(model);

  source = {};
  source.struct_bytes = sizeof source;
  source.file_count = 3;
  EXPECT_EQ(runnel_model_open_from(&source, &options, &model), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_model_open_from(nullptr, &options, &model), RUNNEL_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace runnel
