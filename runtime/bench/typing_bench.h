// What prefill while typing is for: how long after Enter the first token comes.
#pragma once

#include "runnel/session.h"

namespace runnel {

struct TypingOptions {
  uint32_t characters = 200;
  double per_second = 15;
  // Enter is pressed so many times, in turn with the key after the last letter and together with that letter; between
  // two times the last 15 characters are deleted and typed again.
  uint32_t repeats = 5;
};

// Medians.
struct TypingTimes {
  uint32_t tokens = 0;         // of the text
  double decode_ms = 0;        // a decode step after that text, picking its token included
  double ttft_ms = 0;          // from Enter, a key after the last letter, to the first id
  double ttft_hasty_ms = 0;    // from Enter pressed as the last letter comes
  double ttft_prefill_ms = 0;  // without sync(): the whole text is computed when Enter is pressed
};

// The model is to be opened without share_prefixes and with sync_sessions. Takes as long as typing takes. Statuses:
// invalid_argument, and what sessions return.
Result<TypingTimes> bench_typing(Session& session, const TypingOptions& options) noexcept;

}  // namespace runnel
