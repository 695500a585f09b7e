// Stop strings in a stream of text: holds back what may still become one, across any token borders, and ends the stream
// where the first one is complete. (Knuth, Morris and Pratt 1977, one automaton a string.)
//
// What is held back is always the beginning of a stop string, so nothing is buffered. Ownership: owns copies of the
// strings. Thread rule: one thread at a time. After init() nothing is allocated.
#pragma once

#include <span>
#include <string_view>

#include "runnel/array.h"
#include "runnel/function_ref.h"
#include "runnel/status.h"

namespace runnel {

class StopFilter {
 public:
  static constexpr uint32_t kMaxStrings = 16;
  static constexpr uint32_t kMaxBytes = 256;

  using Emit = FunctionRef<bool(std::string_view)>;  // false: the receiver wants no more
  enum class State : uint8_t { running, stopped, refused };

  // Statuses: invalid_argument (too many, an empty, too long or not UTF-8 string), out_of_memory.
  Status init(std::span<const std::string_view> stop) noexcept;

  // Passes on what of the text so far cannot be part of a stop string. `stopped`: a stop string is complete; the text
  // before it has been passed on and the rest is dropped. Requires: whole UTF-8 characters, running before.
  State feed(std::string_view text, Emit emit) noexcept;
  // The text is over: passes on what was held back.
  State finish(Emit emit) noexcept;

 private:
  struct Automaton {
    char text[kMaxBytes];
    uint16_t fallback[kMaxBytes];  // longest proper border of text[0 .. i]
    uint32_t bytes = 0;
    uint32_t matched = 0;
  };
  std::string_view held() const noexcept;  // longest beginning of a stop string that the text ends with

  Array<Automaton> automata_;
};

}  // namespace runnel
