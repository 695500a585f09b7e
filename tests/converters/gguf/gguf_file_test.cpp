// The GGUF reader: what it reads, and the attacks on other readers of the format that must be errors here.
#include "converters/gguf/gguf_file.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "tests/support/gguf_bytes.h"

namespace runnel {
namespace {

using test::GgufBytes;

std::string refusal(const std::vector<uint8_t>& bytes) {
  Result<GgufFile> file = GgufFile::open_memory(bytes);
  return file.ok() ? "accepted" : file.status().message();
}
std::string refusal(const GgufBytes& bytes) { return refusal(bytes.bytes()); }

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(GgufFile, ReadsEveryKindOfValue) {
  GgufBytes made;
  made.key_u32("a.u32", 7).key_string("a.text", "hi").key_bool("a.flag", 1).key_f32("a.float", 0.5f);
  made.key_strings("a.names", {"x", "", "zz"}).key_array<int32_t>("a.ids", GgufType::i32, {3, -4});
  made.key_array<float>("a.scores", GgufType::f32, {1.5f}).key_i32("a.minus", -1);
  made.key_array<float>("a.none", GgufType::f32, {});
  made.tensor("w", {2, 3}, 0, std::vector<uint8_t>(24, 1)).tensor("q", {32, 2, 2}, 8, std::vector<uint8_t>(136, 2));
  const std::vector<uint8_t> bytes = made.bytes();
  Result<GgufFile> file = GgufFile::open_memory(bytes);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(*file->u64("a.u32", 0), 7u);
  EXPECT_EQ(*file->u64("absent", 9), 9u);
  EXPECT_EQ(*file->string("a.text", ""), "hi");
  EXPECT_TRUE(*file->boolean("a.flag", false));
  EXPECT_EQ(*file->f64("a.float", 0), 0.5);
  EXPECT_EQ(*file->strings("a.names"), (std::vector<std::string_view>{"x", "", "zz"}));
  EXPECT_EQ(*file->integers("a.ids"), (std::vector<int64_t>{3, -4}));
  EXPECT_EQ(*file->floats("a.scores"), (std::vector<float>{1.5f}));
  EXPECT_TRUE(file->floats("a.none")->empty());
  EXPECT_FALSE(file->u64("a.minus", 0).ok());
  EXPECT_FALSE(file->u64("a.text", 0).ok());
  EXPECT_FALSE(file->strings("a.ids").ok());
  EXPECT_EQ(file->find("nothing"), nullptr);

  const GgufTensor* w = file->tensor("w");
  ASSERT_NE(w, nullptr);
  EXPECT_EQ(w->rows, 3u);
  EXPECT_EQ(w->cols, 2u);
  EXPECT_EQ(w->row_bytes, 8u);
  EXPECT_EQ(w->data[0], 1);
  const GgufTensor* q = file->tensor("q");
  ASSERT_NE(q, nullptr);
  EXPECT_EQ(q->depth, 2u);
  EXPECT_EQ(q->row_bytes, 34u);
  EXPECT_EQ(q->data[135], 2);
  EXPECT_EQ(file->tensor("x"), nullptr);
}

TEST(GgufFile, RefusesForeignAndOldFiles) {
  EXPECT_SAYS(refusal(std::vector<uint8_t>{}), "header");
  EXPECT_SAYS(refusal(std::vector<uint8_t>{'P', 'K', 3, 4, 0, 0, 0, 0}), "does not begin with GGUF");
  GgufBytes made;
  made.version = 1;
  EXPECT_SAYS(refusal(made), "version 1");
  made.version = 0x03000000;
  EXPECT_SAYS(refusal(made), "big-endian");
}

// Every shorter file of a good one is an error, none is a crash (run under the address sanitizer).
TEST(GgufFile, EveryTruncationIsAnError) {
  GgufBytes made;
  made.key_u32("a", 7).key_strings("names", {"x", "yy"}).tensor("w", {4}, 0, std::vector<uint8_t>(16, 1));
  const std::vector<uint8_t> whole = made.bytes();
  ASSERT_EQ(refusal(whole), "accepted");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(refusal(std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size))), "accepted")
        << size;
}

// The 43-byte file with an array of 2^63 elements that hung a reader and ate its host's memory.
TEST(GgufAttack, HugeArrayLengthInATinyFile) {
  for (GgufType type : {GgufType::u8, GgufType::u64, GgufType::string}) {
    GgufBytes made;
    made.begin_array("abc", type, uint64_t{1} << 63);
    const std::vector<uint8_t> bytes = made.bytes();
    EXPECT_LE(bytes.size(), 64u);
    EXPECT_SAYS(refusal(bytes), "'abc'");
  }
}

TEST(GgufAttack, HugeCounts) {
  for (uint64_t count : {uint64_t{1} << 20, uint64_t{1} << 62, UINT64_MAX}) {
    GgufBytes tensors;
    tensors.tensor_count = count;
    EXPECT_SAYS(refusal(tensors), "tensors in");
    GgufBytes entries;
    entries.entry_count = count;
    EXPECT_SAYS(refusal(entries), "metadata keys in");
  }
}

TEST(GgufAttack, StringLengthPastTheEnd) {
  for (uint64_t length : {uint64_t{100}, uint64_t{1} << 32, UINT64_MAX}) {
    GgufBytes made;
    made.key_u32("key", 1);
    std::vector<uint8_t> bytes = made.bytes();
    std::memcpy(bytes.data() + 24, &length, 8);
    EXPECT_SAYS(refusal(bytes), "a metadata key");
  }
}

TEST(GgufAttack, DimensionsThatWrap) {
  const auto dims = [](std::vector<uint64_t> d) { return refusal(GgufBytes().tensor_at("w", d, 0, 0).data(64)); };
  EXPECT_SAYS(dims({uint64_t{1} << 62, 4}), "dimension");
  EXPECT_SAYS(dims({0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff}), "too many matrices");
  EXPECT_SAYS(dims({0x40000000, 0x40000000, 16}), "64 bits");  // 2^64 floats: wraps to 0 in 64 bits
  EXPECT_SAYS(dims({0x7ffffff0, 0x7ffffff0}), "needs");
  EXPECT_SAYS(dims({0, 4}), "dimension");
  EXPECT_SAYS(dims({4, 1, 1, 1, 1}), "5 dimensions");
  EXPECT_SAYS(dims({}), "0 dimensions");
}

TEST(GgufAttack, BadAlignment) {
  for (uint32_t alignment : {0u, 3u, 24u, 1u << 31}) {
    GgufBytes made;
    made.key_u32("general.alignment", alignment).tensor("w", {4}, 0, std::vector<uint8_t>(16));
    EXPECT_SAYS(refusal(made), "general.alignment");
  }
  GgufBytes text;
  text.key_string("general.alignment", "32");
  EXPECT_SAYS(refusal(text), "general.alignment");
}

TEST(GgufAttack, OffsetPastTheEnd) {
  for (uint64_t offset : {uint64_t{64}, uint64_t{1} << 40, UINT64_MAX - 31})
    EXPECT_SAYS(refusal(GgufBytes().tensor_at("w", {4}, 0, offset).data(64)), "'w' needs 16 bytes");
  EXPECT_SAYS(refusal(GgufBytes().tensor_at("w", {4}, 0, 4).data(64)), "not a multiple of 32");
}

TEST(GgufAttack, OverlappingTensors) {
  GgufBytes made;
  made.tensor_at("a", {16}, 0, 0).tensor_at("b", {4}, 0, 32).data(64);
  EXPECT_SAYS(refusal(made), "overlap");
}

TEST(GgufAttack, TypeIdsOutOfRange) {
  for (uint32_t type : {4u, 36u, 41u, 1000u, UINT32_MAX})
    EXPECT_SAYS(refusal(GgufBytes().tensor_at("w", {32}, type, 0).data(512)), "unknown type id");
  for (uint32_t type : {13u, 255u, UINT32_MAX}) {
    GgufBytes made;
    made.begin_key("k", static_cast<GgufType>(type));
    made.key_string("z", "padding padding");
    EXPECT_SAYS(refusal(made), "value type");
  }
}

TEST(GgufAttack, NestedArrays) {
  GgufBytes made;
  made.begin_array("deep", GgufType::array, 1);
  made.key_string("z", "padding");
  EXPECT_SAYS(refusal(made), "array of arrays");
}

TEST(GgufAttack, Duplicates) {
  GgufBytes keys;
  keys.key_u32("a", 1).key_u32("b", 1).key_u32("a", 2);
  EXPECT_SAYS(refusal(keys), "'a' is there twice");
  GgufBytes tensors;
  tensors.tensor("w", {8}, 0, std::vector<uint8_t>(32)).tensor("w", {8}, 0, std::vector<uint8_t>(32));
  EXPECT_SAYS(refusal(tensors), "'w' is there twice");
}

TEST(GgufAttack, BooleansAreZeroOrOne) { EXPECT_SAYS(refusal(GgufBytes().key_bool("flag", 2)), "where a bool"); }

TEST(GgufAttack, NamesCannotDriveATerminal) {
  EXPECT_SAYS(refusal(GgufBytes().key_bool("\x1b[2J\n", 2)), "\\x1b[2J\\x0a");
}

class GgufSplit : public testing::Test {
 protected:
  std::string path(int i, int n) {
    char name[64];
    std::snprintf(name, sizeof name, "runnel_split_%d-%05d-of-%05d.gguf", static_cast<int>(getpid()), i, n);
    return testing::TempDir() + name;
  }
  void write(const std::string& to, const GgufBytes& made) {
    const std::vector<uint8_t> bytes = made.bytes();
    std::ofstream(to, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    written_.push_back(to);
  }
  static GgufBytes part(uint16_t number, uint16_t count, int32_t tensors, const char* name) {
    GgufBytes made;
    made.key_u16("split.no", number).key_u16("split.count", count).key_i32("split.tensors.count", tensors);
    made.tensor(name, {4}, 0, std::vector<uint8_t>(16, static_cast<uint8_t>(number + 1)));
    return made;
  }
  void TearDown() override {
    for (const std::string& file : written_) std::remove(file.c_str());
  }
  std::string open(const std::string& file) {
    Result<GgufFile> opened = GgufFile::open(file.c_str());
    return opened.ok() ? "accepted" : opened.status().message();
  }
  std::vector<std::string> written_;
};

TEST_F(GgufSplit, PartsBecomeOneFile) {
  write(path(1, 2), part(0, 2, 2, "a"));
  write(path(2, 2), part(1, 2, 2, "b"));
  Result<GgufFile> file = GgufFile::open(path(1, 2).c_str());
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_NE(file->tensor("b"), nullptr);
  EXPECT_EQ(file->tensor("b")->data[0], 2);
  EXPECT_EQ(file->tensor("a")->data[0], 1);
  EXPECT_SAYS(open(path(2, 2)), "give the first part");
}

TEST_F(GgufSplit, WrongCountsAreErrors) {
  write(path(1, 2), part(0, 2, 3, "a"));
  EXPECT_SAYS(open(path(1, 2)), "cannot open");  // the second part is missing
  write(path(2, 2), part(1, 2, 3, "b"));
  EXPECT_SAYS(open(path(1, 2)), "claims 3 tensors");
  write(path(2, 2), part(0, 2, 2, "b"));
  EXPECT_SAYS(open(path(1, 2)), "says it is part 1 of 2");
  write(path(2, 2), part(1, 3, 2, "b"));
  EXPECT_SAYS(open(path(1, 2)), "says it is part 2 of 3");
  write(path(1, 2), part(0, 2, 2, "b"));
  write(path(2, 2), part(1, 2, 2, "b"));
  EXPECT_SAYS(open(path(1, 2)), "'b' is there twice");
  write(path(1, 9), part(0, 65535, 2, "a"));
  EXPECT_SAYS(open(path(1, 9)), "is not named");
}

TEST(GgufFile, RefusesWhatIsNotAFile) {
  Result<GgufFile> folder = GgufFile::open("/");
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.status().code(), Code::io);
  Result<GgufFile> missing = GgufFile::open("/no/such/file.gguf");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), Code::io);
}

}  // namespace
}  // namespace runnel
