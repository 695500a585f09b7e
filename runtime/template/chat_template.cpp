#include "runtime/template/chat_template.h"

#include <new>

#include "kernels/base/memory.h"
#include "runtime/template/interpreter.h"
#include "runtime/template/lexer.h"
#include "runtime/template/operations.h"
#include "runtime/template/parser.h"
#include "runtime/template/unicode.h"

namespace runnel {
namespace {

// Published templates have up to 30 KB; their trees take some 60 bytes a byte.
constexpr size_t kMaxSourceBytes = 256 << 10;
constexpr size_t kMaxTreeBytes = 32 << 20;
// A rendering holds the parsed input and a few copies of each message.
constexpr size_t kRenderBytes = 32 << 20;
constexpr size_t kRenderBytesPerInputByte = 32;
constexpr uint64_t kRenderSteps = 4'000'000;  // some 0.2 s
constexpr size_t kMaxInputBytes = 64 << 20;

// "\r\n" and "\r" become "\n", and one newline at the end goes, as Jinja does.
std::string_view normalise(std::string_view source, jinja::Arena& arena) noexcept {
  char* copy = static_cast<char*>(arena.allocate(source.size()));
  if (copy == nullptr) return {};
  size_t size = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    const bool pair = source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n';
    if (!pair) copy[size++] = source[i] == '\r' ? '\n' : source[i];
  }
  if (size > 0 && copy[size - 1] == '\n') --size;
  return {copy, size};
}

}  // namespace

struct ChatTemplate::Impl {
  jinja::Arena arena{kMaxTreeBytes};
  const jinja::Node* body = nullptr;
};

Result<ChatTemplate> ChatTemplate::compile(std::string_view source) noexcept {
  if (source.size() > kMaxSourceBytes)
    return Status::error(Code::invalid_argument, "chat template: %zu bytes; at most %zu are taken", source.size(),
                         kMaxSourceBytes);
  if (!jinja::is_valid_utf8(source)) return Status::error(Code::invalid_argument, "chat template: it is no UTF-8");
  void* memory = allocate(sizeof(Impl));
  if (memory == nullptr) return out_of_memory("chat template", "a template");
  ChatTemplate result(new (memory) Impl);
  jinja::Arena& arena = result.impl_->arena;
  const std::string_view text = normalise(source, arena);
  if (text.data() == nullptr) return out_of_memory("chat template", "its source");
  RUNNEL_ASSIGN(const Array<jinja::Token> tokens, jinja::tokenize(text, arena));
  RUNNEL_ASSIGN(result.impl_->body, jinja::Parser(tokens, arena).parse());
  return result;
}

ChatTemplate::ChatTemplate(ChatTemplate&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}

ChatTemplate& ChatTemplate::operator=(ChatTemplate&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

ChatTemplate::~ChatTemplate() {
  if (impl_ == nullptr) return;
  impl_->~Impl();
  release(impl_);
}

Status ChatTemplate::render(const ChatInput& input, Array<char>* text) const noexcept {
  const size_t input_bytes = input.messages_json.size() + input.tools_json.size() + input.extra_json.size();
  if (input.messages_json.size() > kMaxInputBytes || input_bytes > kMaxInputBytes)
    return Status::error(Code::invalid_argument, "chat template: an input of %zu bytes; at most %zu are taken",
                         input_bytes, kMaxInputBytes);
  jinja::Arena arena(kRenderBytes + kRenderBytesPerInputByte * input_bytes);
  jinja::Run run(arena, kRenderSteps + 4 * input_bytes, input.now_seconds);
  jinja::Interpreter interpreter(run);
  jinja::Scope* scope = run.make<jinja::Scope>();

  const auto define_json = [&](std::string_view name, std::string_view json, const char* what) {
    const jinja::Value value = json.empty() ? jinja::Value::none() : jinja::parse_json(run, json, what);
    if (!run.failed()) interpreter.define(scope, name, value);
    return value;
  };
  const jinja::Value messages = define_json("messages", input.messages_json, "messages");
  if (!run.failed() && !messages.is(jinja::Kind::list))
    return Status::error(Code::invalid_argument, "chat template: messages are no JSON array");
  define_json("tools", input.tools_json, "tools");
  interpreter.define(scope, "documents", jinja::Value::none());
  interpreter.define(scope, "add_generation_prompt", jinja::Value::of(input.add_generation_prompt));
  // A model without such a token leaves its name undefined, as transformers does.
  if (!input.bos_token.empty()) interpreter.define(scope, "bos_token", jinja::Value::of(input.bos_token));
  if (!input.eos_token.empty()) interpreter.define(scope, "eos_token", jinja::Value::of(input.eos_token));
  if (!run.failed() && !input.extra_json.empty()) {
    const jinja::Value extra = jinja::parse_json(run, input.extra_json, "extra variables");
    if (!run.failed() && !extra.is(jinja::Kind::dict))
      return Status::error(Code::invalid_argument, "chat template: extra variables are no JSON object");
    for (uint32_t i = 0; !run.failed() && i < extra.dict->count; ++i)
      interpreter.define(scope, extra.dict->entries[i].key.view(), extra.dict->entries[i].value);
  }

  jinja::Text out(run);
  if (!run.failed()) interpreter.render(impl_->body, scope, &out);
  if (run.failed()) return run.take_status();
  if (!text->append(out.view())) return out_of_memory("chat template", "the rendered text");
  return {};
}

}  // namespace runnel
