#include "runtime/model/chat_encoding.h"

#include "runtime/model/literal_content.h"

namespace runnel {

Status find_control_ids(const Tokenizer& tokenizer, Array<int32_t>* ids) noexcept {
  for (uint32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.is_control(static_cast<int32_t>(id)) && !ids->push(static_cast<int32_t>(id)))
      return out_of_memory("chat", "the list of control tokens");
  }
  return {};
}

Status encode_chat(const Tokenizer& tokenizer, std::span<const int32_t> control_ids, const ChatTemplate& chat,
                   const ChatInput& input, Array<char>* text, Array<int32_t>* ids) noexcept {
  MarkedJson marked;
  RUNNEL_TRY(mark_control_text(input.messages_json, tokenizer, control_ids, &marked));
  ChatInput marked_input = input;
  marked_input.messages_json = {marked.json.data(), marked.json.size()};
  RUNNEL_TRY(chat.render(marked_input, text));
  Array<uint32_t> offsets;
  RUNNEL_TRY(take_marks(marked.mark, text, &offsets));
  // The template writes BOS where it wants one.
  return tokenizer.encode({text->data(), text->size()},
                          {.add_special = false, .parse_special = true, .no_special_across = offsets}, ids);
}

}  // namespace runnel
