// The writer's promises when things go wrong: nothing is left behind, and the status says what and where.
#include "graph/file/model_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "graph/file/model_file.h"
#include "kernels/base/memory.h"
#include "tests/support/small_model.h"

namespace runnel {
namespace {

using test::SmallModel;
using test::SmallSpec;
using test::TempFolder;
using Names = std::vector<std::string>;

// Lets the first `left` allocations pass.
struct Gate {
  long left;
  explicit Gate(long n) : left(n) {
    set_allocation_gate([](void* self, size_t) noexcept { return static_cast<Gate*>(self)->left-- > 0; }, this);
  }
  ~Gate() { set_allocation_gate(nullptr, nullptr); }
};

TEST(ModelWriter, EveryFailedAllocationIsAStatus) {
  const TempFolder folder;
  const SmallModel model;
  const Graph graph = test::small_graph(model);
  const SmallSpec spec(model, graph);
  std::vector<std::vector<uint8_t>> weights;
  for (uint32_t i = 0; i < graph.tensors.size(); ++i) {
    weights.push_back(test::small_tensor(model, i, graph.tensors[i].bytes));
  }
  const std::filesystem::path path = folder / "a.rnl";
  const auto write = [&]() -> Status {
    RUNNEL_ASSIGN(ModelWriter writer, ModelWriter::create(path.c_str(), spec.spec(), {}));
    for (uint32_t i = 0; i < weights.size(); ++i) RUNNEL_TRY(writer.write(i, weights[i]));
    return writer.finish({}, {});
  };
  long allowed = 0;
  for (;; ++allowed) {
    ASSERT_LT(allowed, 100000);
    const Gate gate(allowed);
    const Status status = write();
    if (status.ok()) break;
    ASSERT_EQ(status.code(), Code::out_of_memory) << status.message();
    ASSERT_EQ(test::names_in(folder), Names{}) << "after " << allowed << " allocations";
  }
  EXPECT_GT(allowed, 50);
  // The reader, likewise.
  for (long n = 0;; ++n) {
    const Gate gate(n);
    const auto file = ModelFile::open(path.c_str());
    if (file.ok()) break;
    ASSERT_EQ(file.status().code(), Code::out_of_memory) << n << ": " << file.status().message();
  }
}

TEST(ModelWriter, DestroyedBeforeTheEndLeavesNothing) {
  const TempFolder folder;
  const SmallModel model;
  const Graph graph = test::small_graph(model);
  const SmallSpec spec(model, graph);
  {
    auto writer = ModelWriter::create((folder / "a.rnl").c_str(), spec.spec(), {});
    ASSERT_TRUE(writer.ok()) << writer.status().message();
    EXPECT_EQ(test::names_in(folder), Names{"a.rnl.partial"});
    const std::vector<uint8_t> bytes = test::small_tensor(model, 0, graph.tensors[0].bytes);
    ASSERT_TRUE(writer->write(0, bytes).ok());
  }
  EXPECT_EQ(test::names_in(folder), Names{});
}

TEST(ModelWriter, AnOlderFileStaysUntilTheNewOneIsWhole) {
  const TempFolder folder;
  test::write_file(folder / "a.rnl", {1, 2, 3});
  const SmallModel model;
  const Graph graph = test::small_graph(model);
  const SmallSpec spec(model, graph);
  {
    auto writer = ModelWriter::create((folder / "a.rnl").c_str(), spec.spec(), {});
    ASSERT_TRUE(writer.ok());
  }
  EXPECT_EQ(test::read_file(folder / "a.rnl"), (std::vector<uint8_t>{1, 2, 3}));
  ASSERT_TRUE(test::write_small(model, folder / "a.rnl").ok());
  EXPECT_TRUE(ModelFile::open((folder / "a.rnl").c_str()).ok());
}

TEST(ModelWriter, TwoWritersOfOnePathDoNotMix) {
  const TempFolder folder;
  const SmallModel model;
  const Graph graph = test::small_graph(model);
  const SmallSpec spec(model, graph);
  auto first = ModelWriter::create((folder / "a.rnl").c_str(), spec.spec(), {});
  ASSERT_TRUE(first.ok());
  auto second = ModelWriter::create((folder / "a.rnl").c_str(), spec.spec(), {});
  EXPECT_EQ(second.status().code(), Code::io);
  EXPECT_NE(std::strstr(second.status().message(), "by another process"), nullptr) << second.status().message();
}

TEST(ModelWriter, StalePartialFilesAreTakenOver) {
  const TempFolder folder;
  test::write_file(folder / "a.rnl.partial", std::vector<uint8_t>(100000, 7));
  ASSERT_TRUE(test::write_small({}, folder / "a.rnl").ok());
  EXPECT_EQ(test::names_in(folder), Names{"a.rnl"});
  EXPECT_TRUE(ModelFile::open((folder / "a.rnl").c_str(), {Verify::eager, {}}).ok());
}

TEST(ModelWriter, FoldersThatCannotBeWritten) {
  const TempFolder folder;
  Status status = test::write_small({}, folder / "none/a.rnl");
  EXPECT_EQ(status.code(), Code::io);
  EXPECT_NE(std::strstr(status.message(), "none/a.rnl"), nullptr) << status.message();
  std::filesystem::create_directory(folder / "d.rnl");
  status = test::write_small({}, folder / "d.rnl");
  EXPECT_EQ(status.code(), Code::io) << status.message();
  EXPECT_EQ(test::names_in(folder), Names{"d.rnl"});
  EXPECT_EQ(test::write_small({}, "/proc/a.rnl").code(), Code::io);
  if (::geteuid() != 0) {
    std::filesystem::permissions(folder.path(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    status = test::write_small({}, folder / "a.rnl");
    EXPECT_EQ(status.code(), Code::io) << status.message();
    std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  }
}

// A limit on file sizes fails like a full disk: in the middle of a write.
TEST(ModelWriter, AFullDiskLeavesNothing) {
  const TempFolder folder;
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  rlimit limit = old_limit;
  limit.rlim_cur = 40000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const Status status = test::write_small({}, folder / "a.rnl");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(status.code(), Code::io);
  EXPECT_NE(std::strstr(status.message(), "a.rnl"), nullptr) << status.message();
  EXPECT_NE(std::strstr(status.message(), "bytes are needed in all"), nullptr) << status.message();
  EXPECT_EQ(test::names_in(folder), Names{});
}

TEST(ModelWriter, ADiskThatIsTooSmallIsSaidBeforehand) {
  const TempFolder folder;
  SmallModel model;
  Graph graph = test::small_graph(model);
  // A (2^30, 64) embedding: 68 GB and more; nothing of it is written.
  graph.tensors[0].rows = 1u << 30;
  for (Value& value : graph.values) {
    if (value.tensor == 0) value.shape.rows = 1u << 30;
  }
  model.vocab = 1u << 30;
  graph.values[graph.logits].shape.cols = 1u << 30;
  const SmallSpec spec(model, graph);
  const auto writer = ModelWriter::create((folder / "a.rnl").c_str(), spec.spec(), {});
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(test::names_in(folder), Names{});
}

TEST(ModelWriter, CallsOutOfOrder) {
  const TempFolder folder;
  const SmallModel model;
  const Graph graph = test::small_graph(model);
  const SmallSpec spec(model, graph);
  const auto fresh = [&] { return ModelWriter::create((folder / "a.rnl").c_str(), spec.spec(), {}); };
  const std::vector<uint8_t> bytes = test::small_tensor(model, 0, graph.tensors[0].bytes + 1);
  {
    auto writer = fresh();
    EXPECT_EQ(writer->write(1, {bytes.data(), 4}).code(), Code::invalid_argument);
    EXPECT_EQ(writer->write(0, {bytes.data(), 4}).code(), Code::invalid_argument) << "the first failure is final";
  }
  {
    auto writer = fresh();
    EXPECT_EQ(writer->write(0, bytes).code(), Code::invalid_argument);
  }
  {
    auto writer = fresh();
    const Status status = writer->finish({}, {});
    EXPECT_EQ(status.code(), Code::invalid_argument);
    EXPECT_NE(std::strstr(status.message(), "embed"), nullptr) << status.message();
  }
  {
    auto writer = fresh();
    for (uint32_t i = 0; i < graph.tensors.size(); ++i) {
      ASSERT_TRUE(writer->write(i, test::small_tensor(model, i, graph.tensors[i].bytes)).ok());
    }
    const std::string novel(200000, 'x');
    const KeyValue late[] = {{"novel", novel}};
    const Status status = writer->finish({}, late);
    EXPECT_NE(std::strstr(status.message(), "late_provenance_bytes"), nullptr) << status.message();
  }
  EXPECT_EQ(test::names_in(folder), Names{});
}

TEST(ModelWriter, SpecsThatNoReaderWouldTake) {
  const TempFolder folder;
  const SmallModel model;
  const Graph graph = test::small_graph(model);
  const auto refused = [&](auto change) {
    const SmallSpec good(model, graph);
    ModelSpec spec = good.spec();
    change(spec);
    EXPECT_EQ(ModelWriter::create((folder / "a.rnl").c_str(), spec, {}).status().code(), Code::invalid_argument);
  };
  refused([](ModelSpec& s) { s.graph = nullptr; });
  refused([](ModelSpec& s) { s.vocab_size = 95; });
  static constexpr int32_t kBad[] = {96};
  refused([](ModelSpec& s) { s.end_ids = kBad; });
  static const SectionData kTwins[] = {{"a", {}}, {"a", {}}};
  refused([](ModelSpec& s) { s.sections = kTwins; });
  static const SectionData kUnnamed[] = {{"", {}}};
  refused([](ModelSpec& s) { s.sections = kUnnamed; });
  EXPECT_EQ(test::names_in(folder), Names{});
}

TEST(ModelWriter, SignedHeaders) {
  const TempFolder folder;
  // RFC 8032, section 7.1, test 1: the secret key, in PKCS #8.
  std::ofstream(folder / "key.pem")
      << "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
         "-----END PRIVATE KEY-----\n";
  const std::string key = (folder / "key.pem").string();
  WriterOptions options;
  options.signing_key = key.c_str();
  const Status status = test::write_small({}, folder / "a.rnl", options);
  ASSERT_TRUE(status.ok()) << status.message();
  const auto file = ModelFile::open((folder / "a.rnl").c_str());
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->signer_hex(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  options.signing_key = "/no such key";
  EXPECT_EQ(test::write_small({}, folder / "b.rnl", options).code(), Code::io);
  test::write_file(folder / "bad.pem", {'x'});
  const std::string bad = (folder / "bad.pem").string();
  options.signing_key = bad.c_str();
  EXPECT_EQ(test::write_small({}, folder / "b.rnl", options).code(), Code::invalid_argument);
}

}  // namespace
}  // namespace runnel
