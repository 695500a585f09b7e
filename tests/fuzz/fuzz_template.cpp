// Chat templates: any source, rendered over a small conversation, ends with text or a Status.
#include <cstdint>
#include <string_view>

#include "runtime/template/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace runnel;
  const std::string_view source(reinterpret_cast<const char*>(data), bytes);
  Result<ChatTemplate> compiled = ChatTemplate::compile(source);
  if (!compiled.ok()) return 0;
  ChatInput input;
  input.messages_json =
      R"([{"role":"system","content":"S"},{"role":"user","content":" größe\n"},{"role":"assistant","content":null,)"
      R"("tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{"x":1.5,"y":[true]}}}]}])";
  input.tools_json = R"([{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}])";
  input.bos_token = "<s>";
  input.eos_token = "</s>";
  input.now_seconds = 1721995200;
  Array<char> text;
  const Status status = compiled->render(input, &text);
  if (!status.ok() && !text.empty()) __builtin_trap();
  return 0;
}
