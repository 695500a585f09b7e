// The safetensors reader: what it reads, and headers that lie.
#include "converters/safetensors/safetensors_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "converters/gguf/gguf_file.h"
#include "tests/support/tiny_models.h"

namespace runnel {
namespace {

std::vector<uint8_t> file_of(const std::string& header, size_t data_bytes, uint64_t claimed = UINT64_MAX) {
  std::vector<uint8_t> out(8 + header.size() + data_bytes);
  const uint64_t length = claimed == UINT64_MAX ? header.size() : claimed;
  std::memcpy(out.data(), &length, 8);
  std::memcpy(out.data() + 8, header.data(), header.size());
  for (size_t i = 0; i < data_bytes; ++i) out[8 + header.size() + i] = static_cast<uint8_t>(i);
  return out;
}

std::string refusal(const std::vector<uint8_t>& bytes) {
  Result<SafetensorsFile> file = SafetensorsFile::open_memory(bytes);
  return file.ok() ? "accepted" : file.status().message();
}
std::string refusal(const std::string& header, size_t data_bytes) { return refusal(file_of(header, data_bytes)); }

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Safetensors, ReadsTensors) {
  const auto bytes = file_of(R"({"__metadata__":{"format":"pt"},
      "b":{"dtype":"F32","shape":[2,2],"data_offsets":[4,20]},
      "a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},
      "none":{"dtype":"F32","shape":[0],"data_offsets":[20,20]}})",
                             20);
  Result<SafetensorsFile> file = SafetensorsFile::open_memory(bytes);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tensors().size(), 3u);
  const SafetensorsTensor* b = file->tensor("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->shape, (std::vector<uint64_t>{2, 2}));
  EXPECT_EQ(b->bytes.size(), 16u);
  EXPECT_EQ(b->bytes[0], 4);
  EXPECT_EQ(file->tensor("a")->dtype, "BF16");
  EXPECT_EQ(file->tensor("c"), nullptr);
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const auto whole = file_of(R"({"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})", 8);
  ASSERT_EQ(refusal(whole), "accepted");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(refusal({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)}), "accepted") << size;
}

TEST(SafetensorsAttack, HeaderLengths) {
  EXPECT_SAYS(refusal(file_of("{}", 8, 11)), "claims 11 bytes");
  EXPECT_SAYS(refusal(file_of("{}", 8, uint64_t{1} << 62)), "claims");
  EXPECT_SAYS(refusal(file_of("{}", 8, UINT64_MAX - 7)), "claims");
  EXPECT_SAYS(refusal("[]", 0), "not an object");
  EXPECT_SAYS(refusal("{\"a\":", 0), "not valid JSON");
}

TEST(SafetensorsAttack, ShapesAndOffsets) {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return refusal("{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}", 16);
  };
  EXPECT_EQ(one("\"F32\"", "[4]", "[0,16]"), "accepted");
  EXPECT_SAYS(one("\"F32\"", "[4]", "[16,0]"), "lies at bytes");
  EXPECT_SAYS(one("\"F32\"", "[4]", "[0,17]"), "lies at bytes");
  EXPECT_SAYS(one("\"F32\"", "[4]", "[8,18446744073709551615]"), "lies at bytes");
  EXPECT_SAYS(one("\"F32\"", "[5]", "[0,16]"), "its shape needs 20");
  EXPECT_SAYS(one("\"F32\"", "[4611686018427387904]", "[0,0]"), "64 bits");
  EXPECT_SAYS(one("\"F32\"", "[4294967296,1073741824]", "[0,0]"), "64 bits");
  EXPECT_SAYS(one("\"F32\"", "[-4]", "[0,16]"), "not a count");
  EXPECT_SAYS(one("\"F32\"", "[4.0]", "[0,16]"), "not a count");
  EXPECT_SAYS(one("\"F32\"", "[1,1,1,1,1,1,1,1,4]", "[0,16]"), "wrong form");
  EXPECT_SAYS(one("\"F32\"", "4", "[0,16]"), "wrong form");
  EXPECT_SAYS(one("\"F32\"", "[4]", "[0,8,16]"), "wrong form");
  EXPECT_SAYS(one("\"Q4\"", "[4]", "[0,16]"), "unknown dtype 'Q4'");
  EXPECT_SAYS(one("7", "[4]", "[0,16]"), "wrong form");
  EXPECT_SAYS(refusal("{\"a\":{}}", 0), "not an object of");
  EXPECT_SAYS(refusal("{\"a\":3}", 0), "not an object of");
}

TEST(SafetensorsAttack, OverlapsAndDuplicates) {
  EXPECT_SAYS(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                          "b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                      16),
              "overlap");
  EXPECT_SAYS(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                          "a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
                      16),
              "'a' is there twice");
}

TEST(SafetensorsAttack, DeepNesting) {
  EXPECT_SAYS(refusal("{\"a\":" + std::string(100000, '['), 0), "nested deeper");
  std::string objects;
  for (int i = 0; i < 1000; ++i) objects += "{\"a\":";
  EXPECT_SAYS(refusal(objects, 0), "nested deeper");
}

TEST(Safetensors, OpensAFile) {
  test::TempFolder temp;
  test::write_tiny_folder(temp / "hf", {});
  Result<SafetensorsFile> file = SafetensorsFile::open((temp / "hf/model.safetensors").c_str());
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_NE(file->tensor("model.norm.weight"), nullptr);
  EXPECT_FALSE(SafetensorsFile::open((temp / "hf").c_str()).ok());
}

TEST(TinyModel, GgufIsReadable) {
  test::TempFolder temp;
  for (int32_t type : {0, 1, 2, 8}) {
    test::write_tiny_gguf(temp / "tiny.gguf", {.rope = "llama3", .ggml_type = type});
    Result<GgufFile> file = GgufFile::open((temp / "tiny.gguf").c_str());
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(file->tensor("blk.1.attn_k.weight")->rows, 32u);
    EXPECT_EQ(file->strings("tokenizer.ggml.tokens")->size(), 288u);  // 6 special, 256 bytes, 26 merges
  }
}

}  // namespace
}  // namespace runnel
