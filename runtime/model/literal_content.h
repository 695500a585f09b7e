// Keeps what people write in messages from acting as control tokens once the chat template has wrapped it.
//
// The template works on text, so the only place that still knows where content begins and ends is before it. Each
// control token's text inside a string of the messages is broken by a mark after its first character; the mark survives
// rendering, is then taken out again, and its place is handed to the tokenizer as an offset that no control token may
// cover. The mark is a Unicode noncharacter that the messages do not contain.
// Thread rule: pure functions, any thread.
#pragma once

#include <span>
#include <string_view>

#include "runnel/array.h"
#include "runnel/status.h"
#include "runtime/tokenizer/tokenizer.h"

namespace runnel {

struct MarkedJson {
  Array<char> json;
  char mark[3] = {};  // UTF-8 of U+FDD0 .. U+FDEF
};

// Copies JSON text, marking its strings; everything else stays byte for byte, errors included (the template engine's
// reader reports those). Statuses: invalid_argument (all 32 marks are in use), out_of_memory.
Status mark_control_text(std::string_view json, const Tokenizer& tokenizer, std::span<const int32_t> control_ids,
                         MarkedJson* out) noexcept;

// Removes each mark from the text and appends the offset where it was, in the text without marks, to *offsets.
// Status: out_of_memory.
Status take_marks(const char (&mark)[3], Array<char>* text, Array<uint32_t>* offsets) noexcept;

}  // namespace runnel
