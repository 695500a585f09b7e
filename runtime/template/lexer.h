// Cuts a template into text and tokens, with Jinja's white space rules as transformers sets them: the first newline
// after a block is removed (trim_blocks), so is white space before a block on its line (lstrip_blocks), and one newline
// at the template's end.
#pragma once

#include <cstdint>
#include <string_view>

#include "runnel/array.h"
#include "runnel/status.h"
#include "runtime/template/arena.h"

namespace runnel::jinja {

enum class TokenKind : uint8_t {
  text,
  print_begin,
  print_end,
  block_begin,
  block_end,
  name,
  string,  // text is the string's value
  integer,
  real,
  op,
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  uint32_t line = 0;
  std::string_view text;  // borrowed from the source, or from the arena where escapes changed it
};

// Requires: `source` outlives the tokens. Ends with one `end` token.
Result<Array<Token>> tokenize(std::string_view source, Arena& arena) noexcept;

}  // namespace runnel::jinja
