// Chat templates (Jinja, as Hugging Face models bring them), rendered as transformers renders them. docs/templates.md
// lists what is known, what is not, and why the engine is our own.
//
// Ownership: owns the compiled template. Thread rule: const members any thread. A template is a foreign program:
// source, nesting, steps and memory are bounded, and nothing it does ends otherwise than with text or a Status.
#pragma once

#include <string_view>

#include "runnel/array.h"
#include "runnel/status.h"

namespace runnel {

// The time that templates see in a model's golden renderings: 2025-01-01 00:00 UTC.
inline constexpr int64_t kGoldenNow = 1735689600;

struct ChatInput {
  std::string_view messages_json;         // array of {"role", "content", ...}
  std::string_view tools_json;            // array, or empty for none
  std::string_view extra_json;            // object of further variables, or empty
  std::string_view bos_token, eos_token;  // text
  bool add_generation_prompt = true;
  int64_t now_seconds = -1;  // Unix time for strftime_now; -1: the clock
};

class ChatTemplate {
 public:
  // Statuses: invalid_argument with the template's line when it does not parse.
  static Result<ChatTemplate> compile(std::string_view source) noexcept;
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // Appends the rendering to *text, which a failure leaves as it was. Statuses: invalid_argument, with the line and
  // what was raised, for what the template, the input or a bound refuses; out_of_memory past 32 MiB and 32 bytes for
  // each byte of input.
  Status render(const ChatInput& input, Array<char>* text) const noexcept;

 private:
  struct Impl;
  explicit ChatTemplate(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
