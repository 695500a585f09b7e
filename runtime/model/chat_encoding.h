// From chat messages to ids: marks what people wrote, renders the template, encodes. Control tokens that the template
// writes become their ids, the same text inside a message stays text.
//
// Thread rule: pure functions, any thread.
#pragma once

#include <span>

#include "runnel/array.h"
#include "runnel/status.h"
#include "runtime/template/chat_template.h"
#include "runtime/tokenizer/tokenizer.h"

namespace runnel {

// Ids of all control tokens, ascending, appended to *ids. Status: out_of_memory.
Status find_control_ids(const Tokenizer& tokenizer, Array<int32_t>* ids) noexcept;

// `control_ids` as find_control_ids() gives them. The rendering is appended to *text, the ids to *ids. Statuses:
// invalid_argument (the JSON, or what the template raised), out_of_memory.
Status encode_chat(const Tokenizer& tokenizer, std::span<const int32_t> control_ids, const ChatTemplate& chat,
                   const ChatInput& input, Array<char>* text, Array<int32_t>* ids) noexcept;

}  // namespace runnel
