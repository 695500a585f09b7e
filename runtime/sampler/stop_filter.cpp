#include "runtime/sampler/stop_filter.h"

#include <algorithm>
#include <cstring>

#include "runtime/tokenizer/utf8.h"

namespace runnel {
Status StopFilter::init(std::span<const std::string_view> stop) noexcept {
  automata_.clear();
  if (stop.size() > kMaxStrings)
    return Status::error(Code::invalid_argument, "stop strings: %zu of them, expected at most %u", stop.size(),
                         kMaxStrings);
  if (!automata_.reserve(stop.size())) return out_of_memory("stop strings", "their automata");
  for (size_t index = 0; index < stop.size(); ++index) {
    const std::string_view text = stop[index];
    if (text.empty() || text.size() > kMaxBytes)
      return Status::error(Code::invalid_argument, "stop strings: number %zu has %zu bytes, expected 1 to %u",
                           index + 1, text.size(), kMaxBytes);
    if (utf8_valid_prefix(text) != text.size())
      return Status::error(Code::invalid_argument, "stop strings: number %zu is not UTF-8", index + 1);
    (void)automata_.push({});  // reserved above
    Automaton& automaton = automata_.back();
    automaton.bytes = static_cast<uint32_t>(text.size());
    std::memcpy(automaton.text, text.data(), text.size());
    automaton.fallback[0] = 0;
    for (uint32_t i = 1, border = 0; i < automaton.bytes; ++i) {
      while (border > 0 && automaton.text[i] != automaton.text[border]) border = automaton.fallback[border - 1];
      border += automaton.text[i] == automaton.text[border];
      automaton.fallback[i] = static_cast<uint16_t>(border);
    }
  }
  return {};
}

std::string_view StopFilter::held() const noexcept {
  std::string_view longest;
  for (const Automaton& automaton : automata_) {
    if (automaton.matched > longest.size()) longest = {automaton.text, automaton.matched};
  }
  return longest;
}

StopFilter::State StopFilter::feed(std::string_view text, Emit emit) noexcept {
  const std::string_view before = held();
  size_t consumed = 0;
  uint32_t stop_bytes = 0;  // of the longest stop string that is complete
  while (consumed < text.size() && stop_bytes == 0) {
    const char byte = text[consumed++];
    for (Automaton& automaton : automata_) {
      while (automaton.matched > 0 && automaton.text[automaton.matched] != byte)
        automaton.matched = automaton.fallback[automaton.matched - 1];
      automaton.matched += automaton.text[automaton.matched] == byte;
      if (automaton.matched == automaton.bytes) stop_bytes = std::max(stop_bytes, automaton.bytes);
    }
  }
  // `before` and the text so far, less the stop string or what may become one.
  const size_t pass = before.size() + consumed - (stop_bytes != 0 ? stop_bytes : held().size());
  const size_t from_before = std::min(pass, before.size());
  if (from_before > 0 && !emit(before.substr(0, from_before))) return State::refused;
  if (pass > from_before && !emit(text.substr(0, pass - from_before))) return State::refused;
  return stop_bytes != 0 ? State::stopped : State::running;
}

StopFilter::State StopFilter::finish(Emit emit) noexcept {
  const std::string_view rest = held();
  for (Automaton& automaton : automata_) automaton.matched = 0;
  return rest.empty() || emit(rest) ? State::running : State::refused;
}

}  // namespace runnel
