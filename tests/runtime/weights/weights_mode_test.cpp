// Resident and streamed weights through the API: the logits of mapped ones to the last bit, the plan, what is refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "converters/convert.h"
#include "runnel/session.h"
#include "runtime/os/direct_io.h"
#include "runtime/os/memory_figures.h"
#include "tests/support/instrumented.h"
#include "tests/support/small_model.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

// Some 18 MiB of f32 weights: 18 blocks. Its norms and matrices share blocks; the table is the output head too.
const std::string& path() {
  static const test::TempFolder folder;
  static const std::string file = [] {
    const std::string name = (folder / "wide.rnl").string();
    test::TinyModel model;
    model.layers = 4;
    model.model = 256;
    model.ffn = 704;
    model.heads = 4;
    model.head_dim = 64;
    model.vocab = 1500;
    model.tied = true;
    test::convert_tiny(model, "f32", name);
    return name;
  }();
  return file;
}

std::vector<float> logits_of(const Model& model) {
  auto session = Session::create(model);
  EXPECT_TRUE(session.ok()) << session.status().message();
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 70; ++i) ids.push_back(10 + i * 17 % 280);
  Status status = session->append(ids);
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<float> out;
  for (int i = 0; i < 4 && status.ok(); ++i) {
    const auto row = session->logits();
    EXPECT_TRUE(row.ok()) << row.status().message();
    if (!row.ok()) break;
    out.insert(out.end(), row->begin(), row->end());
    status = session->append(std::vector<int32_t>{40 + i});
    EXPECT_TRUE(status.ok()) << status.message();
  }
  return out;
}

OpenOptions options_for(WeightsMode mode, uint32_t threads = 1) {
  return {.context_tokens = 100, .threads = threads, .max_step_tokens = 32, .weights_mode = mode};
}

const std::vector<float>& expected() {
  static const std::vector<float> logits = logits_of(*Model::open(path().c_str(), options_for(WeightsMode::mapped)));
  return logits;
}

uint64_t bytes_of(const MemoryPlan& plan, const std::string& name) {
  for (uint32_t i = 0; i < plan.class_count; ++i) {
    if (plan.classes[i].name == name) return plan.classes[i].bytes;
  }
  return 0;
}

uint64_t least_streamed() {
  OpenOptions options = options_for(WeightsMode::streamed);
  options.budget_bytes = 1;
  return plan_model(path().c_str(), options)->private_bytes;
}

TEST(WeightsMode, ResidentGivesTheSameBits) {
  for (const uint32_t threads : {1u, 3u}) {
    for (const Verify verify : {Verify::lazy, Verify::eager, Verify::off}) {
      OpenOptions options = options_for(WeightsMode::resident, threads);
      options.verify = verify;
      const auto model = Model::open(path().c_str(), options);
      ASSERT_TRUE(model.ok()) << model.status().message();
      EXPECT_EQ(logits_of(*model), expected()) << threads;
      EXPECT_EQ(model->plan().weights_mode, WeightsMode::resident);
      EXPECT_EQ(bytes_of(model->plan(), "weights"), 0u);
      const uint64_t file_bytes = model->info().file_bytes;
      EXPECT_NEAR(static_cast<double>(bytes_of(model->plan(), "weights_resident")), static_cast<double>(file_bytes),
                  1 << 17);
      EXPECT_TRUE(model->settle().ok());
    }
  }
}

TEST(WeightsMode, StreamedGivesTheSameBitsWhateverTheBudget) {
  const uint64_t least = least_streamed();
  uint64_t streamed = UINT64_MAX;
  for (const uint64_t more : {0, 1, 3, 6, 12, 40}) {
    for (const uint32_t threads : {1u, 3u}) {
      OpenOptions options = options_for(WeightsMode::streamed, threads);
      options.budget_bytes = least + (more << 20) + (threads - 1) * (600 << 10);
      const auto model = Model::open(path().c_str(), options);
      ASSERT_TRUE(model.ok()) << more << ": " << model.status().message();
      EXPECT_EQ(logits_of(*model), expected()) << more << " MiB more, " << threads << " threads";
      EXPECT_EQ(model->plan().weights_mode, WeightsMode::streamed);
      EXPECT_LE(model->plan().private_bytes, options.budget_bytes);
      if (threads == 1) {
        EXPECT_LE(model->plan().streamed_bytes, streamed) << "more budget, less to read";
        streamed = model->plan().streamed_bytes;
      }
      EXPECT_TRUE(model->settle().ok());
    }
  }
  EXPECT_EQ(streamed, 0u) << "all is pinned in the end";
}

TEST(WeightsMode, StreamedFromAnOddOffsetAndFromShards) {
  const test::TempFolder folder;
  OpenOptions options = options_for(WeightsMode::streamed);
  options.budget_bytes = least_streamed() + (4 << 20);
  std::vector<uint8_t> bytes = test::read_file(path());
  const uint64_t length = bytes.size();
  bytes.insert(bytes.begin(), 64 * 3, 0xee);
  bytes.insert(bytes.end(), 1000, 0xee);
  test::write_file(folder / "archive", bytes);
  const int fd = ::open((folder / "archive").c_str(), O_RDONLY);
  const FileSlice slice = {fd, 64 * 3, length};
  for (const WeightsMode mode : {WeightsMode::streamed, WeightsMode::resident}) {
    options.weights_mode = mode;
    if (mode == WeightsMode::resident) options.budget_bytes = 0;
    const auto model = Model::open(ModelSource{.path = nullptr, .files = {&slice, 1}, .memory = {}}, options);
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ(logits_of(*model), expected());
  }
  ::close(fd);

  ConvertOptions convert_options;
  convert_options.input = path() + ".gguf";
  convert_options.output = (folder / "s.rnl").string();
  convert_options.weights = WeightsOut::f32;
  convert_options.shard_bytes = 3 << 20;
  ASSERT_TRUE(convert(convert_options, nullptr).ok());
  std::string first;
  for (const std::string& name : test::names_in(folder)) {
    if (name.find("-00001-of-") != std::string::npos) first = (folder / name).string();
  }
  options.budget_bytes = least_streamed() + (4 << 20);
  for (const WeightsMode mode : {WeightsMode::streamed, WeightsMode::resident}) {
    options.weights_mode = mode;
    if (mode == WeightsMode::resident) options.budget_bytes = 0;
    const auto model = Model::open(first.c_str(), options);
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ(logits_of(*model), expected());
  }
}

TEST(WeightsMode, FromMemoryStaysThere) {
  test::AlignedBytes memory = test::aligned(test::read_file(path()));
  const auto model = Model::open(ModelSource{.path = nullptr, .files = {}, .memory = memory.span()},
                                 options_for(WeightsMode::streamed));
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->plan().weights_mode, WeightsMode::mapped);
  EXPECT_NE(std::strstr(model->plan().weights_note, "in memory already"), nullptr) << model->plan().weights_note;
  EXPECT_EQ(logits_of(*model), expected());
}

TEST(WeightsMode, OneByteTooLittleIsRefused) {
  OpenOptions options = options_for(WeightsMode::streamed);
  options.budget_bytes = least_streamed() - 1;
  auto model = Model::open(path().c_str(), options);
  EXPECT_EQ(model.status().code(), Code::over_budget) << model.status().message();
  options.budget_bytes += 1;
  EXPECT_TRUE(Model::open(path().c_str(), options).ok());

  options = options_for(WeightsMode::resident);
  const auto plan = plan_model(path().c_str(), options);
  options.budget_bytes = plan->private_bytes - 1;
  EXPECT_EQ(Model::open(path().c_str(), options).status().code(), Code::over_budget);
  options.budget_bytes += 1;
  EXPECT_TRUE(Model::open(path().c_str(), options).ok());
}

TEST(WeightsMode, AutomaticIsMappedWhereTheMachineHoldsBoth) {
  const auto roomy = plan_model(path().c_str(), options_for(WeightsMode::automatic));
  EXPECT_EQ(roomy->weights_mode, WeightsMode::mapped);
  OpenOptions huge = options_for(WeightsMode::automatic);
  huge.budget_bytes = machine_memory().total_bytes;  // no machine holds that and the file
  const auto tight = plan_model(path().c_str(), huge);
  EXPECT_EQ(tight->weights_mode, WeightsMode::streamed);
  EXPECT_NE(std::strstr(tight->weights_note, "MiB are available"), nullptr) << tight->weights_note;
}

// What the process takes is what the plan says.
TEST(WeightsMode, TakesNoMoreThanPlanned) {
  if (RUNNEL_INSTRUMENTED) GTEST_SKIP() << "sanitizers have memory of their own";
  (void)expected();
  OpenOptions options = options_for(WeightsMode::streamed);
  options.budget_bytes = least_streamed() + (6 << 20);
  const uint64_t before = process_memory().anonymous_bytes;
  const auto model = Model::open(path().c_str(), options);
  ASSERT_TRUE(model.ok());
  (void)logits_of(*model);
  const uint64_t taken = process_memory().anonymous_bytes - before;
  EXPECT_LE(taken, model->plan().private_bytes + (1 << 20));
  EXPECT_GE(taken + (4 << 20), bytes_of(model->plan(), "weights_pinned"));
}

// Locking needs CAP_IPC_LOCK or a limit; this thread gives up both for a while.
class NoLocking {
 public:
  NoLocking() {
    ::getrlimit(RLIMIT_MEMLOCK, &limit_);
    rlimit none = limit_;
    none.rlim_cur = 64 << 10;
    done_ = ::setrlimit(RLIMIT_MEMLOCK, &none) == 0;
    header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
    done_ = done_ && ::syscall(SYS_capget, &header_, before_) == 0;
    __user_cap_data_struct less[2] = {before_[0], before_[1]};
    less[CAP_IPC_LOCK / 32].effective &= ~(1u << CAP_IPC_LOCK % 32);
    done_ = done_ && ::syscall(SYS_capset, &header_, less) == 0;
  }
  ~NoLocking() {
    ::syscall(SYS_capset, &header_, before_);
    ::setrlimit(RLIMIT_MEMLOCK, &limit_);
  }
  bool done() const { return done_; }

 private:
  rlimit limit_ = {};
  __user_cap_header_struct header_ = {};
  __user_cap_data_struct before_[2] = {};
  bool done_ = false;
};

TEST(WeightsMode, WhereLockingIsRefusedItIsReadAndSaidSo) {
  if (RUNNEL_INSTRUMENTED != 0) GTEST_SKIP() << "sanitizers lock nothing and say that they did";
  const NoLocking none;
  ASSERT_TRUE(none.done());
  const auto plan = plan_model(path().c_str(), options_for(WeightsMode::resident));
  ASSERT_TRUE(plan.ok());
  EXPECT_FALSE(plan->weights_locked);
  EXPECT_NE(std::strstr(plan->weights_note, "not locked"), nullptr) << plan->weights_note;
  const auto model = Model::open(path().c_str(), options_for(WeightsMode::resident));
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_FALSE(model->plan().weights_locked);
  EXPECT_EQ(logits_of(*model), expected());
}

TEST(WeightsMode, DamageIsFoundInEveryMode) {
  const test::TempFolder folder;
  std::vector<uint8_t> bytes = test::read_file(path());
  bytes[bytes.size() / 2] ^= 4;  // a weight of the middle
  test::write_file(folder / "bad.rnl", bytes);
  const std::string bad = (folder / "bad.rnl").string();
  for (const WeightsMode mode : {WeightsMode::resident, WeightsMode::streamed}) {
    OpenOptions options = options_for(mode);
    if (mode == WeightsMode::streamed) options.budget_bytes = least_streamed() + (4 << 20);
    options.verify = Verify::eager;
    EXPECT_EQ(Model::open(bad.c_str(), options).status().code(), Code::corrupt_file);
    options.verify = Verify::lazy;
    const auto model = Model::open(bad.c_str(), options);
    ASSERT_TRUE(model.ok()) << model.status().message();
    auto session = Session::create(*model);
    Status status = session->append(std::vector<int32_t>{1, 2, 3});
    if (status.ok()) status = model->settle();
    EXPECT_EQ(status.code(), Code::corrupt_file) << status.message();
    EXPECT_NE(std::strstr(status.message(), "in tensor"), nullptr) << status.message();
    EXPECT_EQ(session->append(std::vector<int32_t>{4}).code(), Code::corrupt_file);
  }
}

// Streamed blocks are hashed as they pass, without anybody asking: no second read.
TEST(WeightsMode, StreamedBlocksAreHashedBehindTheirUse) {
  const test::TempFolder folder;
  std::vector<uint8_t> bytes = test::read_file(path());
  // A bit in each block behind the table, which is read by rows and hashed another way.
  for (size_t at = bytes.size() / 6; at < bytes.size() / 10 * 9; at += 1 << 20) bytes[at] ^= 4;
  test::write_file(folder / "bad.rnl", bytes);
  OpenOptions options = options_for(WeightsMode::streamed);
  options.budget_bytes = least_streamed() + (4 << 20);
  const auto model = Model::open((folder / "bad.rnl").c_str(), options);
  ASSERT_TRUE(model.ok());
  auto session = Session::create(*model);
  Status status;
  // Steps take a block back before a slow processor has hashed it; between them there is time.
  for (int i = 0; i < 120 && status.ok(); ++i) {
    status = session->append(std::vector<int32_t>{1 + i % 200});
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(i * i / 4, 400)));
  }
  EXPECT_EQ(status.code(), Code::corrupt_file) << status.message();
}

}  // namespace
}  // namespace runnel
