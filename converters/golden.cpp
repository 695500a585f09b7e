#include "converters/golden.h"

#include "runtime/template/chat_template.h"
#include "runtime/tokenizer/tokenizer.h"

namespace runnel {
namespace {

constexpr const char* kTexts[] = {
    "Hello, world!",
    "Once upon a time, there was a little girl named Lily.",
    "  leading spaces, double  spaces and a trailing one ",
    "Line one\nline two\r\n\n\n\ttab, then three blank lines",
    "It's 3.14159, $1,234.56 or 1000000; don't we'll THEY'RE",
    "na\u00efve caf\u00e9, \u00dcber\u00e5ngstr\u00f6m, e\u0301",
    ("\u6771\u4eac\u3068\u5317\u4eac \ud55c\uad6d\uc5b4 \u0440\u0443\u0441\u0441\u043a\u0438\u0439 "
     "\u05e9\u05dc\u05d5\u05dd"),
    "\U0001f642\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1ef\U0001f1f5 \u2764\ufe0f",
    "def f(x):\n    return x ** 2  # square\n\nprint(f\"{f(3)!r}\")",
    "{\"key\": [1, 2.5, null], \"text\": \"a\\\"b\"}",
    "<s></s><|endoftext|><|im_start|>user",
    "",
};

struct Conversation {
  const char* json;
  bool required;
};
constexpr Conversation kConversations[] = {
    {R"([{"role":"user","content":"Hi there!"}])", true},
    {R"([{"role":"system","content":"Be brief."},{"role":"user","content":" Two shoes under $100? "}])", false},
    {R"([{"role":"user","content":"One"},{"role":"assistant","content":"Two"},{"role":"user","content":"Three\n"}])",
     false},
};

Status render_chats(const TokenizerSource& source, GoldenVectors* out, std::vector<std::string>* notes) {
  RUNNEL_ASSIGN(const ChatTemplate chat, ChatTemplate::compile(source.chat_template));
  for (const Conversation& conversation : kConversations) {
    Array<char> text;
    ChatInput input;
    input.messages_json = conversation.json;
    input.bos_token = source.bos_text;
    input.eos_token = source.eos_text;
    input.now_seconds = kGoldenNow;
    Status status = chat.render(input, &text);
    if (status.ok()) {
      out->chats.push_back({conversation.json, {text.data(), text.size()}});
    } else if (conversation.required) {
      return status;
    } else {
      notes->push_back("the chat template refuses " + std::string(conversation.json) + ": " + status.message());
    }
  }
  return {};
}

}  // namespace

Result<GoldenVectors> make_golden(const TokenizerSource& source, bool with_template, std::vector<std::string>* notes) {
  GoldenVectors out;
  RUNNEL_ASSIGN(const Tokenizer tokenizer, Tokenizer::open(source.tables));
  out.vocab_size = tokenizer.vocab_size();
  for (const char* text : kTexts) {
    Array<int32_t> ids;
    RUNNEL_TRY(tokenizer.encode(text, {}, &ids));
    out.texts.push_back({text, {ids.begin(), ids.end()}});
  }
  if (with_template)
    RUNNEL_TRY(render_chats(source, &out, notes)
                   .with_context("convert: the chat template does not work (--no-template leaves it out)"));
  return out;
}

}  // namespace runnel
