// One vocabulary from several sources gives the same ids, in fifty languages and on prose, and every text comes back.
#include <map>

#include "converters/gguf/gguf_file.h"
#include "converters/tokenizer/tokenizer_source.h"
#include "tests/support/instrumented.h"
#include "tests/support/test_data.h"
#include "tests/support/tokenizer_text.h"

namespace runnel {
namespace {

std::map<std::string, std::string> corpus() {
  const auto folder = test::test_data_dir() / "data" / "text";
  std::map<std::string, std::string> texts;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "udhr")) {
    if (entry.path().extension() == ".txt") texts[entry.path().filename().string()] = test::read_text(entry.path());
  }
  texts["stories"] = test::read_text(folder / "tinystories_val_excerpt.txt").substr(0, 200000);
  texts["spaces"] = "  two  and   three \n\n\t tab\r\n  \u2581 literal \u2581\u2581 marks ";
  for (auto& [name, text] : texts) {
    size_t end = test::effort(text.size());
    while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) ++end;  // whole characters
    text.resize(end);
  }
  return texts;
}

Result<TokenizerSource> from_gguf(const std::filesystem::path& path) {
  Result<GgufFile> file = GgufFile::open(path.c_str());
  if (!file.ok()) return std::move(file).status();
  return tokenizer_from_gguf(*file);
}

void expect_same(Result<TokenizerSource> a, Result<TokenizerSource> b, bool gives_back) {
  ASSERT_TRUE(a.ok()) << a.status().message();
  ASSERT_TRUE(b.ok()) << b.status().message();
  Result<Tokenizer> first = Tokenizer::open(a->tables);
  Result<Tokenizer> second = Tokenizer::open(b->tables);
  ASSERT_TRUE(first.ok()) << first.status().message();
  ASSERT_TRUE(second.ok()) << second.status().message();
  for (const auto& [name, text] : corpus()) {
    const auto ids = test::encode(*first, text);
    EXPECT_TRUE(ids == test::encode(*second, text)) << name;
    if (gives_back) {
      EXPECT_TRUE(test::decode(*first, ids) == text) << name;
    }
    EXPECT_TRUE(test::decode(*first, ids) == test::decode(*second, ids)) << name;
  }
}

TEST(SameIds, Llama2FromJsonModelAndGguf) {
  RUNNEL_NEEDS_DATA(test::test_data_dir() / "data/tokenizers/llama2");
  const auto data = test::test_data_dir() / "data";
  // A text mark U+2581 comes back as a space: SentencePiece cannot tell them apart.
  expect_same(tokenizer_from_file(data / "tokenizers/llama2/tokenizer.json"),
              tokenizer_from_file(data / "tokenizers/llama2/tokenizer.model"), false);
  expect_same(tokenizer_from_file(data / "tokenizers/llama2/tokenizer.model"),
              from_gguf(data / "vocab/ggml-vocab-llama-spm.gguf"), false);
}

TEST(SameIds, Llama3FromTiktokenAndGguf) {
  RUNNEL_NEEDS_DATA(test::test_data_dir() / "data/tokenizers/llama-3");
  const auto data = test::test_data_dir() / "data";
  expect_same(tokenizer_from_file(data / "tokenizers/llama-3/tokenizer.model"),
              from_gguf(data / "vocab/vocab-llama-bpe.gguf"), true);
}

TEST(SameIds, SmollmFromJsonAndGguf) {
  RUNNEL_NEEDS_DATA(test::test_data_dir() / "data/tokenizers/smollm");
  const auto data = test::test_data_dir() / "data";
  expect_same(tokenizer_from_file(data / "tokenizers/smollm/tokenizer.json"),
              from_gguf(data / "vocab/vocab-smollm.gguf"), true);
}

TEST(SameIds, Phi3FromJsonAndGguf) {
  RUNNEL_NEEDS_DATA(test::test_data_dir() / "data/tokenizers/phi-3-mini");
  const auto data = test::test_data_dir() / "data";
  expect_same(tokenizer_from_file(data / "tokenizers/phi-3-mini/tokenizer.json"),
              from_gguf(data / "vocab/ggml-vocab-phi-3.gguf"), false);
}

// Every vocabulary that encodes at all gives well-formed text back.
TEST(SameIds, TextsOfFiftyLanguagesComeBack) {
  RUNNEL_NEEDS_DATA(test::test_data_dir() / "data/vocab");
  for (const auto& entry : std::filesystem::directory_iterator(test::test_data_dir() / "data" / "vocab")) {
    if (entry.path().extension() != ".gguf") continue;
    SCOPED_TRACE(entry.path().filename().string());
    Result<TokenizerSource> source = from_gguf(entry.path());
    if (!source.ok()) {
      EXPECT_EQ(source.status().code(), Code::unsupported) << source.status().message();
      continue;
    }
    Result<Tokenizer> tokenizer = Tokenizer::open(source->tables);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    for (const auto& [name, text] : corpus()) {
      if (name == "spaces") continue;
      EXPECT_TRUE(test::decode(*tokenizer, test::encode(*tokenizer, text)) == text) << name;
    }
  }
}

}  // namespace
}  // namespace runnel
