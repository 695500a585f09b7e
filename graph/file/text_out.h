// printf into an Array<char>; failure is kept and comes out once.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstdarg>
#include <string_view>

#include "runnel/array.h"

namespace runnel {

class TextOut {
 public:
  explicit TextOut(Array<char>* out) noexcept : out_(*out) {}

  [[gnu::format(printf, 2, 3)]] void print(const char* format, ...) noexcept;
  // Foreign text: control characters and backslashes as \n, \t or \x1b. Bytes above 0x7f pass.
  void escaped(std::string_view text) noexcept;
  // "1234567" -> "1.2 MB" beside the number itself.
  void size(uint64_t bytes) noexcept;

  Status status() const noexcept { return ok_ ? Status() : out_of_memory("inspect", "the text"); }

 private:
  Array<char>& out_;
  bool ok_ = true;
};

}  // namespace runnel
