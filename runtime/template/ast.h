// The syntax tree of a template. Nodes lie in the template's arena.
#pragma once

#include <cstdint>

#include "runtime/template/value.h"

namespace runnel::jinja {

enum class Op : uint8_t {
  // Expressions. Lists of nodes are chained by `next`.
  literal,      // value
  name,         // value: the name
  list,         // a: elements
  tuple,        // a: elements
  dict,         // a: key, value, key, value, ...
  attribute,    // a . value
  item,         // a [ b ]
  slice,        // a [ b : c : d ], each may be null
  call,         // a ( b: arguments; keyword nodes come last )
  keyword,      // value = a
  filter,       // a | value ( b )
  test,         // a is value ( b )
  not_,         // a
  negate,       // a
  plus,         // a
  binary,       // a code b
  concat,       // a: the parts of x ~ y ~ z
  compare,      // a, then b: operand nodes
  operand,      // code, a
  and_,         // a, b
  or_,          // a, b
  conditional,  // a if b else c (c may be null)
  // Statements.
  text,          // value
  print,         // a
  if_,           // a: condition, b: body, c: else (an if_ for elif, or body), null if none
  for_,          // a: target, b: iterable, c: condition or null, d: body, e: else or null
  set,           // a: target, b: expression
  set_block,     // a: target, b: filters on `captured`, or null, d: body
  macro,         // value: name, a: parameters (keyword nodes; a null a has no default), d: body
  call_block,    // a: the call, b: a macro node that is `caller`
  filter_block,  // a: filters on `captured`, d: body
  with,          // a: keyword nodes, d: body
  scope,         // d: body, in a scope of its own
  break_,
  continue_,
  captured,  // the text that a filter_block or set_block has rendered
};

enum class Operator : uint8_t { none, add, sub, mul, div, floor_div, mod, pow, eq, ne, lt, le, gt, ge, in, not_in };

struct Node {
  Op op = Op::literal;
  Operator code = Operator::none;
  uint32_t line = 0;
  Value value;
  Node* a = nullptr;
  Node* b = nullptr;
  Node* c = nullptr;
  Node* d = nullptr;
  Node* e = nullptr;
  Node* next = nullptr;

  std::string_view name() const noexcept { return value.view(); }
};

}  // namespace runnel::jinja
