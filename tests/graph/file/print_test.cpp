// What `runnel inspect` shows.
#include "graph/file/print.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/small_model.h"

namespace runnel {
namespace {

class Print : public testing::Test {
 protected:
  std::string text(Status (*print)(const ModelFile&, Array<char>*) noexcept, const test::SmallModel& model = {}) {
    const test::TempFolder folder;
    EXPECT_TRUE(test::write_small(model, folder / "a.rnl").ok());
    auto file = ModelFile::open((folder / "a.rnl").c_str());
    EXPECT_TRUE(file.ok()) << file.status().message();
    Array<char> out;
    EXPECT_TRUE(print(*file, &out).ok());
    return {out.data(), out.size()};
  }
};

TEST_F(Print, SummaryNamesEverything) {
  const std::string s = text(print_summary);
  for (const char* part : {"small", "architecture", "q8g32", "signed by     nobody", "128 tokens", "ends at 2 7",
                           "rms_norm", "op set 1, runtime 0.1.0", "tokenizer", "2 texts, 1 chats",
                           "perplexity 3.5 on a text", "source.sha256 = 00ff", "worst error"}) {
    EXPECT_NE(s.find(part), std::string::npos) << part << " is missing in\n" << s;
  }
}

TEST_F(Print, ForeignTextCannotDriveTheTerminal) {
  test::SmallModel model;
  model.name = "evil\x1b[2J\nname";
  const std::string s = text(print_summary, model);
  EXPECT_EQ(s.find('\x1b'), std::string::npos);
  EXPECT_NE(s.find("evil\\x1b[2J\\nname"), std::string::npos) << s;
}

TEST_F(Print, TensorsOneLineEach) {
  const std::string s = text(print_tensors);
  EXPECT_EQ(static_cast<size_t>(std::count(s.begin(), s.end(), '\n')), test::small_graph({}).tensors.size() + 1);
  EXPECT_NE(s.find("1.attn.qkv"), std::string::npos);
  EXPECT_NE(s.find("(192, 64)"), std::string::npos);
}

TEST_F(Print, GraphAndDot) {
  const std::string graph = text(print_graph);
  EXPECT_NE(graph.find("= attention("), std::string::npos) << graph;
  EXPECT_NE(graph.find("(tokens, 64)"), std::string::npos);
  EXPECT_NE(graph.find("logits"), std::string::npos);
  const std::string dot = text(print_dot);
  EXPECT_EQ(dot.rfind("digraph model {", 0), 0u);
  EXPECT_EQ(std::count(dot.begin(), dot.end(), '{'), std::count(dot.begin(), dot.end(), '}')) << dot;
}

}  // namespace
}  // namespace runnel
