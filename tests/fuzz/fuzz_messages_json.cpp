// The JSON that a caller renders: any bytes as messages, walked and written back as JSON and as text.
#include <cstdint>
#include <string_view>

#include "runtime/template/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace runnel;
  static const Result<ChatTemplate> compiled = ChatTemplate::compile(
      "{{ messages }}{{ messages|tojson(indent=1) }}{% for m in messages %}{{ m.role ~ m['content'] }}{% endfor %}");
  if (!compiled.ok()) __builtin_trap();
  ChatInput input;
  input.messages_json = {reinterpret_cast<const char*>(data), bytes};
  Array<char> text;
  const Status status = compiled->render(input, &text);
  if (!status.ok() && !text.empty()) __builtin_trap();
  return 0;
}
