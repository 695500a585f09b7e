// The examples of docs/embedding.md: the page shows them verbatim, and they run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  text << file.rdbuf();
  return text.str();
}

struct Outcome {
  int exit_code;
  std::string out;
};
Outcome run(const std::string& command) {
  Outcome result{-1, ""};
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[4096];
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) result.out.append(buffer, got);
  result.exit_code = WEXITSTATUS(pclose(pipe));
  return result;
}

// The emulator comes first where programs are built for another machine.
const std::string kExamples = std::string(RUNNEL_EMULATOR) + " " + RUNNEL_BINARY_DIR + "/tests/examples/";

TEST(Examples, PageShowsThemVerbatim) {
  const std::filesystem::path source = RUNNEL_SOURCE_DIR;
  const std::string page = read(source / "docs/embedding.md");
  for (const char* name : {"embed.cpp", "embed.c", "chat.cpp", "sessions.c", "device.c"})
    EXPECT_NE(page.find(std::string("\n").append(read(source / "tests/examples" / name)).append("```\n")),
              std::string::npos)
        << name;
}

TEST(Examples, CppAndCGiveTheSameAnswer) {
  const std::string arguments = test::tiny_model_path() + " 'Hello there'";
  const Outcome cpp = run(kExamples + "embed_cpp " + arguments);
  const Outcome c = run(kExamples + "embed_c " + arguments);
  EXPECT_EQ(cpp.exit_code, 0) << cpp.out;
  EXPECT_EQ(c.exit_code, 0) << c.out;
  // First line the model, last line the figures.
  const auto text = [](const std::string& out, bool has_title) {
    const size_t begin = has_title ? out.find('\n') + 1 : 0;
    const size_t end = out.rfind('\n', out.size() - 2);
    return out.substr(begin, end - begin);
  };
  EXPECT_EQ(text(cpp.out, true), text(c.out, false));
  EXPECT_GT(text(c.out, false).size(), 10u);
}

TEST(Examples, ConversationOfTwoTurns) {
  const Outcome chat = run(kExamples + "embed_chat " + test::tiny_model_path() + " 'Hi' 'And \"then\"?'");
  EXPECT_EQ(chat.exit_code, 0) << chat.out;
  EXPECT_EQ(chat.out.rfind("> Hi\n", 0), 0u);
  EXPECT_NE(chat.out.find("\n> And \"then\"?\n"), std::string::npos);
}

TEST(Examples, TwoAnswersToWhatWasTyped) {
  const Outcome sessions = run(kExamples + "embed_sessions " + test::tiny_model_path() + " 'Hello there'");
  EXPECT_EQ(sessions.exit_code, 0) << sessions.out;
  EXPECT_NE(sessions.out.find("bytes in use"), std::string::npos) << sessions.out;
  const size_t first = sessions.out.find("\n(first token after ");
  EXPECT_NE(first, std::string::npos);
  EXPECT_NE(sessions.out.find("\n(first token after ", first + 1), std::string::npos);
}

TEST(Examples, WhereAModelRuns) {
  const Outcome cpu = run(kExamples + "embed_device " + test::tiny_model_path() + " cpu");
  EXPECT_EQ(cpu.exit_code, 0) << cpu.out;
  EXPECT_EQ(cpu.out, "on cpu \n");
  const Outcome none = run(kExamples + "embed_device " + test::tiny_model_path() + " vulkan:99");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_TRUE(none.out.rfind("invalid_argument: ", 0) == 0 || none.out.rfind("unsupported: ", 0) == 0) << none.out;
}

TEST(Examples, FailuresAreOneLineAndAnExitCode) {
  for (const char* name : {"embed_cpp", "embed_c", "embed_sessions"}) {
    const Outcome missing = run(kExamples + name + " /no/such.rnl hi");
    EXPECT_EQ(missing.exit_code, 1);
    EXPECT_EQ(missing.out.rfind("io: ", 0), 0u) << missing.out;
    EXPECT_EQ(std::count(missing.out.begin(), missing.out.end(), '\n'), 1) << missing.out;
  }
}

}  // namespace
}  // namespace runnel
