// What a user waits for: opening a model, a short prompt, the first id.
#pragma once

#include "runnel/session.h"

namespace runnel {

inline constexpr uint32_t kFirstTokenPrompt = 16;  // ids

struct FirstToken {
  double open_ms = 0;   // of it: Model::open() and Session::create()
  double total_ms = 0;  // until the first id is known
};

// Statuses as Model::open() and Session::append().
Result<FirstToken> time_first_token(const char* path, const OpenOptions& options) noexcept;

}  // namespace runnel
