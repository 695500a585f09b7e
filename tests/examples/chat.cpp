// Usage: embed_chat MODEL.rnl "first question" "second question"
#include <cstdio>
#include <string>

#include "runnel/session.h"

namespace {

// A JSON string. Control characters are the only ones that must not stand as they are.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    char escaped[8];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

runnel::Status chat(int questions, char** texts, const runnel::Model& model) {
  RUNNEL_ASSIGN(runnel::Session session, runnel::Session::create(model));
  std::string messages;
  for (int i = 0; i < questions; ++i) {
    messages += (i == 0 ? "" : ",") + std::string(R"({"role":"user","content":)") + quoted(texts[i]) + "}";
    // The whole conversation, through the model's template. What the session already holds of it is not computed again.
    runnel::Array<int32_t> ids;
    RUNNEL_TRY(model.tokenize_chat("[" + messages + "]", {}, &ids));
    RUNNEL_TRY(session.replace(ids));
    std::string answer;
    const auto collect = [&](std::string_view piece) {
      answer += piece;
      return true;
    };
    RUNNEL_ASSIGN(const runnel::Generation done, session.generate({.max_tokens = 24}, collect));
    std::printf("> %s\n%s\n", texts[i], answer.c_str());
    messages += R"(,{"role":"assistant","content":)" + quoted(answer) + "}";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: %s MODEL.rnl QUESTION...\n", argv[0]), 2;
  const auto model = runnel::Model::open(argv[1]);
  const runnel::Status status = model.ok() ? chat(argc - 2, argv + 2, *model) : model.status();
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", runnel::code_name(status.code()), status.message());
  return status.ok() ? 0 : 1;
}
