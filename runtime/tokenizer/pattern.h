// The compiled regular expressions of the split steps (PCRE2), and their matching without any limit that a text could
// reach.
//
// Ownership: owns the compiled code; its memory comes from allocate(), but PCRE2's machine code from the system.
// Thread rule: const members any thread, each with its own PatternScratch.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string_view>

#include "runnel/array.h"
#include "runtime/tokenizer/tables.h"

namespace runnel {

class Patterns;

// What one matching thread needs. Made once a call of encode().
class PatternScratch {
 public:
  PatternScratch() noexcept = default;
  PatternScratch(const PatternScratch&) = delete;
  PatternScratch& operator=(const PatternScratch&) = delete;
  ~PatternScratch();
  Status prepare(const Patterns& patterns) noexcept;

 private:
  friend class Patterns;
  pcre2_match_data* data_ = nullptr;
  pcre2_match_context* context_ = nullptr;
};

class Patterns {
 public:
  Patterns() noexcept = default;
  Patterns(const Patterns&) = delete;
  Patterns& operator=(const Patterns&) = delete;
  ~Patterns();
  // A pattern that does not compile is `unsupported`, with PCRE2's words and the place.
  Status compile(const flatbuffers::Vector<flatbuffers::Offset<fb::SplitStep>>* steps) noexcept;

  uint32_t count() const noexcept { return static_cast<uint32_t>(codes_.size()); }
  SplitBehaviour behaviour(uint32_t step) const noexcept { return codes_[step].behaviour; }
  bool invert(uint32_t step) const noexcept { return codes_[step].invert; }

  struct Found {
    size_t begin, end;
  };
  // The first match in `text` at or after `from`; begin = end = npos when there is none. Requires: well-formed UTF-8.
  Result<Found> find(uint32_t step, std::string_view text, size_t from, PatternScratch* scratch) const noexcept;

 private:
  struct Compiled {
    pcre2_code* code;
    bool has_jit;
    SplitBehaviour behaviour;
    bool invert;
  };
  Array<Compiled> codes_;
  pcre2_general_context* memory_ = nullptr;
  friend class PatternScratch;
};

}  // namespace runnel
