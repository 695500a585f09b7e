// Rewrites a text as the tokenizer's normalization steps say, carrying marked offsets along.
//
// Bytes that are not UTF-8 pass through every step unchanged.
#pragma once

#include <cstdint>
#include <string_view>

#include "runnel/array.h"
#include "runtime/tokenizer/tables.h"

namespace runnel {

using NormalizeSteps = flatbuffers::Vector<flatbuffers::Offset<fb::NormalizeStep>>;

// A text and the offsets in it, ascending, that no special token may cover.
struct MarkedText {
  std::string_view text;
  Array<uint32_t> marks;
};

// Two buffers that the steps write in turn. One thread at a time.
class Normalizer {
 public:
  // Replaces `in->text` by a view that is borrowed until the next call, or leaves it as it is. `at_start`: the text
  // begins the input. A mark inside characters that a Unicode form joined moves to their end.
  Status run(const NormalizeSteps* steps, bool at_start, MarkedText* in) noexcept;

 private:
  Status replace(std::string_view from, std::string_view to, MarkedText* in) noexcept;
  Status prepend(std::string_view to, MarkedText* in) noexcept;
  Status trim_spaces(MarkedText* in) noexcept;
  Status unicode_form(NormalizeKind form, MarkedText* in) noexcept;
  Status unicode_run(std::string_view run, NormalizeKind form, Array<char>* out) noexcept;
  Array<char>* next_buffer() noexcept {
    which_ ^= 1;
    buffers_[which_].clear();
    return &buffers_[which_];
  }

  Array<char> buffers_[2];
  uint32_t which_ = 0;
  Array<int32_t> code_points_, reordered_;
};

}  // namespace runnel
