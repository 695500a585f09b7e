// Ids of the oracle checkpoints: prompts and a rendered chat, from tokenizer.json and from the GGUF twin.
#include <nlohmann/json.hpp>

#include "converters/gguf/gguf_file.h"
#include "converters/tokenizer/tokenizer_source.h"
#include "tests/support/test_data.h"
#include "tests/support/tokenizer_text.h"

namespace runnel {
namespace {

void expect_oracle(const Tokenizer& tokenizer, const nlohmann::json& oracle) {
  const EncodeOptions options = {.add_special = false, .parse_special = true, .no_special_across = {}};
  for (const auto& prompt : oracle["prompts"]) {
    const std::string text = prompt["text"];
    const std::vector<int32_t> ids = test::encode(tokenizer, text, options);
    EXPECT_EQ(ids, prompt["ids"].get<std::vector<int32_t>>()) << text;
    EXPECT_EQ(test::decode(tokenizer, ids), text);
  }
  const std::string rendered = oracle["chat"]["rendered"];
  EXPECT_EQ(test::encode(tokenizer, rendered, options), oracle["chat"]["ids"].get<std::vector<int32_t>>()) << rendered;
}

TEST(OracleIds, OfEveryFolderAndItsGguf) {
  RUNNEL_NEEDS_DATA(test::test_data_dir() / "oracle");
  size_t folders = 0, ggufs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::test_data_dir() / "oracle")) {
    SCOPED_TRACE(entry.path().string());
    const auto oracle = nlohmann::json::parse(test::read_text(entry.path() / "oracle.json"));
    Result<TokenizerSource> source = tokenizer_from_folder(entry.path());
    ASSERT_TRUE(source.ok()) << source.status().message();
    EXPECT_EQ(source->bos_text, "<s>");
    EXPECT_EQ(source->eos_text, "</s>");
    EXPECT_FALSE(source->chat_template.empty());
    EXPECT_NE(std::find(source->end_ids.begin(), source->end_ids.end(), 2), source->end_ids.end());
    Result<Tokenizer> tokenizer = Tokenizer::open(source->tables);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    expect_oracle(*tokenizer, oracle);
    ++folders;

    const auto twin = test::test_data_dir() / "arch-gguf" / (entry.path().filename().string() + ".gguf");
    if (!std::filesystem::exists(twin)) continue;
    Result<GgufFile> file = GgufFile::open(twin.c_str());
    ASSERT_TRUE(file.ok()) << file.status().message();
    Result<TokenizerSource> from_gguf = tokenizer_from_gguf(*file);
    ASSERT_TRUE(from_gguf.ok()) << from_gguf.status().message();
    Result<Tokenizer> other = Tokenizer::open(from_gguf->tables);
    ASSERT_TRUE(other.ok()) << other.status().message();
    expect_oracle(*other, oracle);
    ++ggufs;
  }
  EXPECT_EQ(folders, 18u);
  EXPECT_EQ(ggufs, 17u);
}

}  // namespace
}  // namespace runnel
