// Vocabulary files with test vectors: the ids of every text, and back.
#include <algorithm>
#include <sstream>

#include "converters/gguf/gguf_file.h"
#include "converters/tokenizer/tokenizer_source.h"
#include "tests/support/test_data.h"
#include "tests/support/tokenizer_text.h"

namespace runnel {
namespace {

struct Row {
  const char* vocabulary;
  const char* vectors;
  bool is_lossless = true;
};

const Row kRows[] = {
    {"ggml-vocab-deepseek-coder.gguf", "ggml-vocab-deepseek-coder"},
    {"ggml-vocab-deepseek-llm.gguf", "ggml-vocab-deepseek-llm"},
    {"ggml-vocab-falcon.gguf", "ggml-vocab-falcon"},
    {"ggml-vocab-gpt-2.gguf", "ggml-vocab-gpt-2"},
    {"ggml-vocab-llama-spm.gguf", "ggml-vocab-llama-spm"},
    {"ggml-vocab-mpt.gguf", "ggml-vocab-mpt"},
    {"ggml-vocab-phi-3.gguf", "ggml-vocab-phi-3"},
    {"ggml-vocab-refact.gguf", "ggml-vocab-refact"},
    {"ggml-vocab-starcoder.gguf", "ggml-vocab-starcoder"},
    {"vocab-llama-bpe.gguf", "ggml-vocab-llama-bpe"},
    {"vocab-qwen2.gguf", "ggml-vocab-qwen2"},
    {"vocab-qwen2.gguf", "ggml-vocab-deepseek-r1-qwen"},
};

std::vector<std::string> split_texts(const std::string& all) {
  const std::string mark = "\n__ggml_vocab_test__\n";
  std::vector<std::string> texts;
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find(mark, at), all.size());
    texts.push_back(all.substr(at, end - at));
    at = end + mark.size();
  }
  return texts;
}

class GgufVectors : public testing::TestWithParam<Row> {};

TEST_P(GgufVectors, IdsAreEqualAndTextsComeBack) {
  const auto folder = test::test_data_dir() / "data" / "vocab";
  const auto vocabulary = folder / GetParam().vocabulary;
  const auto vectors = folder / (std::string(GetParam().vectors) + ".gguf");
  RUNNEL_NEEDS_DATA(test::test_data_dir() / "data/vocab");
  ASSERT_TRUE(std::filesystem::exists(vocabulary)) << vocabulary;
  Result<GgufFile> file = GgufFile::open(vocabulary.c_str());
  ASSERT_TRUE(file.ok()) << file.status().message();
  Result<TokenizerSource> source = tokenizer_from_gguf(*file);
  ASSERT_TRUE(source.ok()) << source.status().message();
  Result<Tokenizer> tokenizer = Tokenizer::open(source->tables);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_FALSE(source->end_ids.empty());

  const std::vector<std::string> texts = split_texts(test::read_text(vectors.string() + ".inp"));
  std::istringstream lines(test::read_text(vectors.string() + ".out"));
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    ASSERT_LT(count, texts.size());
    std::istringstream numbers(line);
    const std::vector<int32_t> expected{std::istream_iterator<int32_t>(numbers), {}};
    const std::vector<int32_t> ids = test::encode(*tokenizer, texts[count], {false, false, {}});
    EXPECT_EQ(ids, expected) << "text " << count << ": " << texts[count];
    EXPECT_EQ(test::decode(*tokenizer, ids), texts[count]) << "text " << count;
  }
  EXPECT_EQ(count, texts.size());
  EXPECT_GT(count, 40u);
}

INSTANTIATE_TEST_SUITE_P(Files, GgufVectors, testing::ValuesIn(kRows), [](const auto& info) {
  std::string name = info.param.vectors;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(GgufTokenizer, OthersAreRefusedByName) {
  RUNNEL_NEEDS_DATA(test::test_data_dir() / "data/vocab");
  Result<GgufFile> file = GgufFile::open((test::test_data_dir() / "data/vocab/ggml-vocab-bert-bge.gguf").c_str());
  ASSERT_TRUE(file.ok()) << file.status().message();
  Result<TokenizerSource> source = tokenizer_from_gguf(*file);
  EXPECT_EQ(source.status().code(), Code::unsupported);
  EXPECT_NE(std::string(source.status().message()).find("'bert'"), std::string::npos) << source.status().message();
}

}  // namespace
}  // namespace runnel
