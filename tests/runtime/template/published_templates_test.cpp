// Published chat templates render as transformers renders them, or fail where it raises an error.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/template/chat_template.h"
#include "tests/support/test_data.h"

namespace runnel {
namespace {

using nlohmann::ordered_json;

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(PublishedTemplates, RenderAsTransformersDoes) {
  const std::filesystem::path folder = test::test_data_dir() / "data" / "chat_templates";
  RUNNEL_NEEDS_DATA(folder);
  const ordered_json expected = ordered_json::parse(read_text(folder / "expected.json"));
  const ordered_json& fixed = expected.at("fixed");
  const ordered_json extra = {{"date_string", fixed.at("date_string")}};
  int texts = 0, errors = 0;
  for (const auto& [file, conversations] : expected.at("templates").items()) {
    Result<ChatTemplate> compiled = ChatTemplate::compile(read_text(folder / "templates" / file));
    ASSERT_TRUE(compiled.ok()) << file << ": " << compiled.status().message();
    for (const auto& [name, outcome] : conversations.items()) {
      const ordered_json& conversation = expected.at("conversations").at(name);
      const std::string messages = conversation.at("messages").dump(), more = extra.dump();
      const std::string tools = conversation.contains("tools") ? conversation.at("tools").dump() : "";
      const std::string bos = fixed.at("bos_token"), eos = fixed.at("eos_token");
      ChatInput input;
      input.messages_json = messages;
      input.tools_json = tools;
      input.extra_json = more;
      input.bos_token = bos;
      input.eos_token = eos;
      input.add_generation_prompt = conversation.at("add_generation_prompt");
      input.now_seconds = 1721995200;  // 26 Jul 2024, noon UTC: strftime_now was fixed to that day
      Array<char> text;
      const Status status = compiled->render(input, &text);
      if (outcome.contains("text")) {
        EXPECT_TRUE(status.ok()) << file << ", " << name << ": " << status.message();
        EXPECT_EQ(std::string(text.data(), text.size()), outcome.at("text").get<std::string>()) << file << ", " << name;
        ++texts;
      } else {
        EXPECT_EQ(status.code(), Code::invalid_argument)
            << file << ", " << name << " rendered, where transformers says " << outcome.at("error");
        ++errors;
      }
    }
  }
  RecordProperty("texts_equal", texts);
  RecordProperty("errors_equal", errors);
  std::printf("%d texts, %d errors\n", texts, errors);
  EXPECT_EQ(texts + errors, 18 * 8);
}

}  // namespace
}  // namespace runnel
