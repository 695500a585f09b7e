// What Python's operators do to values. Each may fail through the Run; the result is then undefined or false.
#pragma once

#include "runtime/template/run.h"
#include "runtime/template/value.h"

namespace runnel::jinja {

const char* type_name(const Value& value) noexcept;  // as Python names it, for messages
bool is_true(const Value& value) noexcept;
bool equal(Run& run, const Value& a, const Value& b) noexcept;
bool less(Run& run, const Value& a, const Value& b) noexcept;
bool contains(Run& run, const Value& container, const Value& item) noexcept;  // item in container

Value add(Run& run, const Value& a, const Value& b) noexcept;
Value subtract(Run& run, const Value& a, const Value& b) noexcept;
Value multiply(Run& run, const Value& a, const Value& b) noexcept;
Value divide(Run& run, const Value& a, const Value& b) noexcept;
Value floor_divide(Run& run, const Value& a, const Value& b) noexcept;
Value modulo(Run& run, const Value& a, const Value& b) noexcept;  // also "%s" % x
Value power(Run& run, const Value& a, const Value& b) noexcept;
Value negate(Run& run, const Value& a) noexcept;

// a.name, a[index], a[start:stop:step] (none where absent). Missing ones are undefined, as in Jinja.
Value get_attribute(Run& run, const Value& a, std::string_view name) noexcept;
Value get_item(Run& run, const Value& a, const Value& index) noexcept;
Value get_slice(Run& run, const Value& a, const Value& start, const Value& stop, const Value& step) noexcept;

// The elements of anything that can be iterated (a string's code points, a dict's keys), or null and failed. A
// generator is consumed.
const List* iterate(Run& run, const Value& a) noexcept;
// len(a); fails for what has none.
int64_t length_of(Run& run, const Value& a) noexcept;
// The entries of a namespace or dict as a view of (key, value) tuples.
Value items_of(Run& run, const Dict* dict) noexcept;

// str(a), repr(a), json.dumps(a). indent < 0: on one line.
struct JsonStyle {
  int64_t indent = -1;
  bool ascii = false;
  bool sort_keys = false;
  std::string_view item_separator = ", ";
  std::string_view key_separator = ": ";
};
void append_text(Run& run, const Value& a, Text* out) noexcept;
void append_repr(Run& run, const Value& a, Text* out) noexcept;
void append_json(Run& run, const Value& a, const JsonStyle& style, Text* out) noexcept;
Value to_text(Run& run, const Value& a) noexcept;             // strings stay what they are
void append_escaped(std::string_view s, Text* out) noexcept;  // HTML

double to_real(const Value& number) noexcept;      // Requires: is_number()
int64_t to_integer(const Value& number) noexcept;  // Requires: a boolean or an integer

// Parses one JSON text. invalid_argument, with the byte, when it is not JSON or nests deeper than 64.
Value parse_json(Run& run, std::string_view json, const char* what) noexcept;

}  // namespace runnel::jinja
