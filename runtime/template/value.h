// The values that templates compute with: Python's, as far as chat templates can tell.
//
// A Value is 16 bytes, copied freely; what it points to lies in an arena. Lists and dicts are never changed after they
// were built (as in transformers' sandbox, which refuses append and the like); a namespace is the one mutable thing.
#pragma once

#include <cstdint>
#include <string_view>

namespace runnel::jinja {

class Run;
struct Args;
struct Binding;
struct Dict;
struct Function;
struct List;
struct Loop;
struct Node;
struct Scope;
struct Value;

enum class Kind : uint8_t {
  undefined,  // text(): how to call it in an error message
  none,
  boolean,
  integer,
  real,
  string,
  list,
  tuple,
  generator,  // iterated once; has no length unless it is a dict's view
  dict,
  space,  // namespace(): a dict whose entries may be set
  function,
  loop,
};

struct Value {
  Kind kind = Kind::undefined;
  bool markup = false;      // strings: passed through `safe`, so `+` escapes what is added to it
  uint32_t size_bytes = 0;  // strings
  union {
    int64_t integer = 0;
    bool boolean;
    double real;
    const char* text;
    List* list;
    Dict* dict;
    Function* function;
    Loop* loop;
  };

  bool is(Kind k) const noexcept { return kind == k; }
  bool is_number() const noexcept { return kind == Kind::boolean || kind == Kind::integer || kind == Kind::real; }
  bool is_sequence() const noexcept { return kind == Kind::list || kind == Kind::tuple; }
  bool is_mapping() const noexcept { return kind == Kind::dict; }
  // Requires: a string or undefined.
  std::string_view view() const noexcept { return {text, size_bytes}; }

  static Value none() noexcept {
    Value v;
    v.kind = Kind::none;
    return v;
  }
  static Value of(bool b) noexcept {
    Value v;
    v.kind = Kind::boolean;
    v.boolean = b;
    return v;
  }
  static Value of(int64_t i) noexcept {
    Value v;
    v.kind = Kind::integer;
    v.integer = i;
    return v;
  }
  static Value of(double d) noexcept {
    Value v;
    v.kind = Kind::real;
    v.real = d;
    return v;
  }
  // Borrows: the bytes must outlive the value (an arena's, the template's, or a literal's).
  static Value of(std::string_view s) noexcept {
    Value v;
    v.kind = Kind::string;
    v.text = s.data();
    v.size_bytes = static_cast<uint32_t>(s.size());
    return v;
  }
  static Value of(const char*) = delete;  // would become a bool
  static Value undefined(std::string_view what) noexcept {
    Value v = of(what);
    v.kind = Kind::undefined;
    return v;
  }
  static Value of(List* list, Kind kind) noexcept {
    Value v;
    v.kind = kind;
    v.list = list;
    return v;
  }
  static Value of(Dict* dict, Kind kind = Kind::dict) noexcept {
    Value v;
    v.kind = kind;
    v.dict = dict;
    return v;
  }
  static Value of(Function* function) noexcept {
    Value v;
    v.kind = Kind::function;
    v.function = function;
    return v;
  }
};
static_assert(sizeof(Value) == 16);

struct List {
  Value* items = nullptr;
  uint32_t count = 0;
  uint32_t capacity = 0;
  bool consumed = false;  // generators: a second iteration finds nothing
  bool is_view = false;   // a dict's items(), keys(), values(): iterated again and again, and has a length
};

struct Entry {
  Value key, value;
};

struct Dict {  // in order of insertion
  Entry* entries = nullptr;
  uint32_t count = 0;
  uint32_t capacity = 0;
};

struct NamedArg {
  std::string_view name;
  Value value;
};

struct Args {
  const Value* values = nullptr;
  uint32_t count = 0;
  const NamedArg* named = nullptr;
  uint32_t named_count = 0;

  // The argument at `index` or of that name, or null.
  const Value* find(uint32_t index, std::string_view name) const noexcept {
    if (index < count) return &values[index];
    for (uint32_t i = 0; i < named_count; ++i)
      if (named[i].name == name) return &named[i].value;
    return nullptr;
  }
};

// Filters, tests, methods and global functions have one form; `self` is what stands before the `|`, `is` or dot.
using Native = Value (*)(Run& run, const Value& self, const Args& args) noexcept;

struct NativeRow {
  std::string_view name;
  Native native;
};

struct Function {
  std::string_view name;
  Native native = nullptr;      // or
  const Node* macro = nullptr;  // a macro or a call block's body,
  Scope* scope = nullptr;       // with the scope it was written in
  Value self;                   // methods
};

struct Loop {
  uint32_t index0 = 0;
  uint32_t count = 0;
  uint32_t depth0 = 0;
  const List* items = nullptr;
  Value last_changed;  // of changed()
  bool has_changed = false;
};

// Null when there is none of that name.
Native find_filter(std::string_view name) noexcept;
Native find_test(std::string_view name) noexcept;
Native find_global(std::string_view name) noexcept;
// The method, attribute or undefined that `self.name` is. Requires: self is not undefined.
Value attribute_of(Run& run, const Value& self, std::string_view name) noexcept;

}  // namespace runnel::jinja
