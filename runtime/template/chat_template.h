// Chat templates (Jinja, as Hugging Face models bring them), rendered by minja. The one place of the library that is
// built with exceptions; none leaves it.
//
// Ownership: owns the compiled template. Thread rule: const members any thread.
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

  // Appends the rendering to *text. invalid_argument carries what the template raised. Loops are bounded.
  Status render(const ChatInput& input, Array<char>* text) const noexcept;

 private:
  struct Impl;
  explicit ChatTemplate(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
