// What is foreign, stale, damaged or cannot be written is refused with one line, and session and file stay as they
// were.
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "runtime/session/session_state.h"
#include "tests/support/instrumented.h"
#include "tests/support/small_model.h"
#include "tests/support/snapshot_model.h"

namespace runnel {
namespace {

using test::ids_of;
using test::next_ids;
using test::open_session;
using test::open_snapshot_model;
using test::tokens_of;

class SnapshotRefusal : public testing::Test {
 protected:
  void SetUp() override {
    Session session = open_session(model_);
    ASSERT_TRUE(session.append(ids_of(40)).ok());
    ASSERT_TRUE(session.save(path_.c_str()).ok());
    expected_ = next_ids(session, 8);
  }
  // Refused by an empty session and by one that holds something, which go on as if nobody had asked.
  void expect_refused(Code code, const std::string& message) {
    Session session = open_session(model_);
    Status status = session.restore(path_.c_str());
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_NE(std::string(status.message()).find(message), std::string::npos) << status.message();
    EXPECT_EQ(std::string(status.message()).rfind("snapshot: " + path_, 0), 0u) << status.message();
    EXPECT_EQ(std::string(status.message()).find('\n'), std::string::npos);
    EXPECT_EQ(session.position(), 0u);
    ASSERT_TRUE(session.append(ids_of(70, 9)).ok());
    session.seed(3);
    const auto row = session.logits();
    const std::vector<float> before(row->begin(), row->end());
    EXPECT_EQ(session.restore(path_.c_str()).code(), code);
    const auto again = session.logits();
    EXPECT_EQ(std::vector<float>(again->begin(), again->end()), before);
    EXPECT_EQ(tokens_of(session), ids_of(70, 9));
    const std::vector<int32_t> said = next_ids(session, 8);
    ASSERT_TRUE(session.replace(ids_of(70, 9)).ok());
    session = Session(std::move(session));
    ASSERT_TRUE(session.truncate(0).ok());
    ASSERT_TRUE(session.append(ids_of(70, 9)).ok());
    session.seed(3);
    EXPECT_EQ(next_ids(session, 8), said);
  }
  void expect_whole() {
    Session session = open_session(model_);
    const Status status = session.restore(path_.c_str());
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(tokens_of(session), ids_of(40));
    EXPECT_EQ(next_ids(session, 8), expected_);
  }
  std::vector<uint8_t> bytes() { return test::read_file(path_); }
  void write(const std::vector<uint8_t>& bytes) { test::write_file(path_, bytes); }
  // Writes a root again whose field at `at` is `value`, with a hash that is right.
  template <class T>
  void change_root(size_t at, T value) {
    std::vector<uint8_t> file = bytes();
    uint8_t* root = file.data() + kSnapshotSlotBytes;  // the first save's
    std::memcpy(root + at, &value, sizeof value);
    Digest hash;
    ASSERT_TRUE(sha256({root, kSnapshotRootBytes - sizeof hash}, &hash));
    std::memcpy(root + kSnapshotRootBytes - sizeof hash, hash.bytes, sizeof hash);
    write(file);
  }

  test::TempFolder folder_;
  std::string path_ = (folder_ / "session.rns").string();
  Model model_ = open_snapshot_model({.sessions = 2});
  std::vector<int32_t> expected_;
};

TEST_F(SnapshotRefusal, WhatIsNotThereOrNoFile) {
  expect_whole();
  path_ = (folder_ / "absent.rns").string();
  expect_refused(Code::io, "cannot open: No such file or directory");
  path_ = folder_.path().string();
  expect_refused(Code::io, "is no regular file");
  path_ = "/dev/null";
  expect_refused(Code::io, "is no regular file");
  Session session = open_session(model_);
  EXPECT_EQ(session.restore(nullptr).code(), Code::invalid_argument);
  EXPECT_EQ(session.save(nullptr).code(), Code::invalid_argument);
}

TEST_F(SnapshotRefusal, AnotherKindOfFile) {
  for (const size_t size : {0u, 1u, 511u, 512u, 4608u, 100000u}) {
    write(std::vector<uint8_t>(size, 'x'));
    expect_refused(Code::corrupt_file, "is no snapshot");
  }
  path_ = test::snapshot_model_path();
  expect_refused(Code::corrupt_file, "is no snapshot");
}

TEST_F(SnapshotRefusal, OfAnotherModelOrSetting) {
  const Model other = [] {
    auto model = Model::open(test::tiny_model_path().c_str(), {.threads = 1});
    return *std::move(model);
  }();
  const auto refused_by = [&](const Model& model, const char* what) {
    Session session = open_session(model);
    const Status status = session.restore(path_.c_str());
    EXPECT_EQ(status.code(), Code::stale_snapshot) << what;
    EXPECT_NE(std::string(status.message()).find(what), std::string::npos) << status.message();
  };
  refused_by(other, "of another model: hash");
  refused_by(open_snapshot_model({.kv = KvType::f32}), "another type of keys: 0, this session has 1");
  refused_by(open_snapshot_model({.activations = Activations::f32}), "another setting of activations");
}

TEST_F(SnapshotRefusal, OfAnotherVersion) {
  change_root<uint32_t>(8, 2);
  expect_refused(Code::stale_snapshot, "it has version 2 of the format, this runtime reads version 1");
}

TEST_F(SnapshotRefusal, LongerThanTheContext) {
  Session small = open_session(model_, {.context_tokens = 39});
  ASSERT_TRUE(small.append(ids_of(5, 2)).ok());
  const Status status = small.restore(path_.c_str());
  EXPECT_EQ(status.code(), Code::context_full);
  EXPECT_NE(std::string(status.message()).find("its 40 tokens do not fit the context of 39"), std::string::npos);
  EXPECT_EQ(tokens_of(small), ids_of(5, 2));
}

// Each field of the root, its hash made right again.
TEST_F(SnapshotRefusal, RootsThatContradictThemselves) {
  const std::vector<uint8_t> good = bytes();
  const struct {
    size_t at;
    uint64_t value;
    bool is_wide;
    Code code;
  } changes[] = {
      {12, 511, false, Code::corrupt_file},              // the root's size
      {16, 0, true, Code::corrupt_file},                 // generation
      {16, UINT64_MAX, true, Code::corrupt_file},        // ... that cannot be counted on
      {16, 2, true, Code::corrupt_file},                 // ... of the other slot
      {24, 0, true, Code::corrupt_file},                 // file size: too small
      {24, 1u << 30, true, Code::corrupt_file},          // ... more than there is
      {64, 99, false, Code::stale_snapshot},             // layout of pages
      {72, 31, false, Code::stale_snapshot},             // page_shift
      {76, 1, false, Code::stale_snapshot},              // vocabulary
      {80, 0, false, Code::stale_snapshot},              // groups
      {80, UINT32_MAX, false, Code::stale_snapshot},     // groups
      {88, UINT64_MAX, true, Code::stale_snapshot},      // page bytes
      {96, 5, false, Code::stale_snapshot},              // window
      {100, 1, false, Code::corrupt_file},               // first block
      {152, UINT32_MAX, false, Code::corrupt_file},      // tokens
      {152, 41, false, Code::corrupt_file},              // tokens: not what their extent has
      {156, 41, false, Code::corrupt_file},              // computed: more than there are
      {156, 39, false, Code::corrupt_file},              // computed: but logits
      {156, 5, false, Code::corrupt_file},               // computed: another number of pages
      {192, UINT64_MAX - 3, true, Code::corrupt_file},   // tokens' offset
      {192, 0, true, Code::corrupt_file},                // ... in the roots
      {200, UINT64_MAX, true, Code::corrupt_file},       // tokens' bytes
      {240, UINT64_MAX - 79, true, Code::corrupt_file},  // table's offset
      {248, 40, true, Code::corrupt_file},               // table's bytes
      {288, 1u << 30, true, Code::corrupt_file},         // logits' offset
      {296, 4, true, Code::corrupt_file},                // logits' bytes
  };
  for (const auto& change : changes) {
    SCOPED_TRACE(std::to_string(change.at) + " = " + std::to_string(change.value));
    write(good);
    if (change.is_wide) {
      change_root<uint64_t>(change.at, change.value);
    } else {
      change_root<uint32_t>(change.at, static_cast<uint32_t>(change.value));
    }
    expect_refused(change.code, "");
  }
  write(good);
  std::vector<uint8_t> zeros(32);
  for (size_t i = 0; i < 4; ++i) change_root<uint64_t>(160 + 8 * i, 0);
  expect_refused(Code::corrupt_file, "bad generator state");
  write(good);
  expect_whole();
}

// Places and tokens that are wrong behind hashes that are right.
TEST_F(SnapshotRefusal, TablesThatPointElsewhere) {
  const std::vector<uint8_t> good = bytes();
  const auto get = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, good.data() + kSnapshotSlotBytes + at, sizeof value);
    return value;
  };
  const auto change_part = [&](size_t extent_at, size_t at, auto value) {
    std::vector<uint8_t> file = good;
    uint8_t* part = file.data() + get(extent_at);
    std::memcpy(part + at, &value, sizeof value);
    Digest hash;
    ASSERT_TRUE(sha256({part, get(extent_at + 8)}, &hash));
    write(file);
    change_root(extent_at + 16, hash);
  };
  for (const uint64_t offset : {uint64_t{0}, uint64_t{4096}, uint64_t{8193}, uint64_t{1} << 40, UINT64_MAX - 4095}) {
    SCOPED_TRACE(offset);
    change_part(240, 40, offset);
    expect_refused(Code::corrupt_file, "its page table has a bad place for page 1");
  }
  change_part(240, 40, uint64_t{8192});  // the other page's place: it is there, but has other bytes
  expect_refused(Code::corrupt_file, "its KV pages do not match their hash");
  for (const int32_t id : {-1, 320, INT32_MIN}) {
    change_part(192, 8, id);
    expect_refused(Code::corrupt_file, "a token that is not in the vocabulary");
  }
}

TEST_F(SnapshotRefusal, CutShortAnywhere) {
  const std::vector<uint8_t> good = bytes();
  for (size_t size = 0; size < good.size(); size += 997) {
    SCOPED_TRACE(size);
    write({good.begin(), good.begin() + static_cast<ptrdiff_t>(size)});
    Session session = open_session(model_);
    EXPECT_EQ(session.restore(path_.c_str()).code(), Code::corrupt_file);
    EXPECT_EQ(session.position(), 0u);
  }
  write({good.begin(), good.end() - 1});
  expect_refused(Code::corrupt_file, "it is cut short");
}

TEST_F(SnapshotRefusal, AnyBitOfWhatIsUsed) {
  const std::vector<uint8_t> good = bytes();
  const size_t root_end = kSnapshotSlotBytes + kSnapshotRootBytes;
  uint32_t refused = 0;
  // All of the root; then here and there. Bytes of no part may be anything.
  const size_t stride = 1009 * 100 / test::effort(100);
  for (size_t at = kSnapshotSlotBytes; at < good.size(); at += at < root_end ? 3 : stride) {
    std::vector<uint8_t> file = good;
    file[at] ^= static_cast<uint8_t>(1u << at % 8);
    write(file);
    Session session = open_session(model_);
    const Status status = session.restore(path_.c_str());
    if (status.ok()) {
      EXPECT_EQ(next_ids(session, 8), expected_) << at;
      EXPECT_GE(at, root_end);
      continue;
    }
    ++refused;
    EXPECT_EQ(status.code(), Code::corrupt_file) << at << ": " << status.message();
    EXPECT_EQ(session.position(), 0u);
  }
  EXPECT_GT(refused, 170u);
  const std::vector<uint8_t> flipped = [&] {
    std::vector<uint8_t> file = good;
    file[kSnapshotDataBegin + 100] ^= 1;
    return file;
  }();
  write(flipped);
  expect_refused(Code::corrupt_file, "its KV pages do not match their hash: the file is damaged");
}

// The root of an interrupted save is no root; the one before it still names whole parts.
TEST_F(SnapshotRefusal, AHalfWrittenRootLeavesTheOneBefore) {
  Session session = open_session(model_);
  ASSERT_TRUE(session.restore(path_.c_str()).ok());
  ASSERT_TRUE(session.append(ids_of(60, 4)).ok());
  ASSERT_TRUE(session.save(path_.c_str()).ok());
  std::vector<uint8_t> file = bytes();
  std::fill_n(file.begin() + 200, 100, uint8_t{0});  // the second save's slot
  write(file);
  expect_whole();
}

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_;
  void (*handler_)(int);
};

// A limit of the file's size is met like a full disk, in the middle of writing.
TEST_F(SnapshotRefusal, AFullDiskLeavesTheFileAsItWas) {
  const std::vector<uint8_t> good = bytes();
  Session session = open_session(model_);
  ASSERT_TRUE(session.restore(path_.c_str()).ok());
  ASSERT_TRUE(session.append(ids_of(300, 4)).ok());
  {
    const FileSizeLimit limit(60000);
    const Status status = session.save(path_.c_str());
    EXPECT_EQ(status.code(), Code::io);
    EXPECT_EQ(status.message(), "snapshot: " + path_ + ": cannot write: File too large");
    EXPECT_EQ(bytes().size(), good.size());
  }
  expect_whole();
  {
    const FileSizeLimit limit(60000);
    Session fresh = open_session(open_snapshot_model({.kv = KvType::f32}));  // a file written anew
    ASSERT_TRUE(fresh.append(ids_of(300, 4)).ok());
    const Status status = fresh.save(path_.c_str());
    EXPECT_EQ(status.code(), Code::io);
    EXPECT_NE(std::string(status.message()).find("File too large"), std::string::npos) << status.message();
  }
  expect_whole();
  EXPECT_EQ(test::names_in(folder_), std::vector<std::string>{"session.rns"});
  // With room again it works.
  ASSERT_TRUE(session.save(path_.c_str()).ok());
  Session other = open_session(open_snapshot_model());
  ASSERT_TRUE(other.restore(path_.c_str()).ok());
  EXPECT_EQ(tokens_of(other), tokens_of(session));
}

TEST_F(SnapshotRefusal, PlacesThatTakeNoFile) {
  Session session = open_session(model_);
  const auto refused = [&](const std::string& path, const char* cause) {
    const Status status = session.save(path.c_str());
    EXPECT_EQ(status.code(), Code::io) << status.message();
    EXPECT_NE(std::string(status.message()).find(cause), std::string::npos) << status.message();
    EXPECT_NE(std::string(status.message()).find(path.substr(0, 40)), std::string::npos) << status.message();
  };
  refused((folder_ / "absent/session.rns").string(), "No such file or directory");
  refused(folder_.path().string(), "directory");
  refused("/dev/null", "no regular file");
  refused((folder_ / std::string(300, 'x')).string(), "File name too long");
  refused(path_ + "/below", "Not a directory");
}

}  // namespace
}  // namespace runnel
