// Walks a syntax tree: evaluates expressions, executes statements, calls macros.
#pragma once

#include "runtime/template/ast.h"
#include "runtime/template/run.h"

namespace runnel::jinja {

struct Binding {
  std::string_view name;
  Value value;
  Binding* next = nullptr;
};

// Names of one block, macro call or loop round. Inner scopes see outer ones; `set` writes the innermost.
struct Scope {
  Scope* parent = nullptr;
  Binding* first = nullptr;
};

class Interpreter {
 public:
  explicit Interpreter(Run& run) noexcept : run_(run) {}

  void define(Scope* scope, std::string_view name, const Value& value) noexcept;
  void render(const Node* body, Scope* scope, Text* out) noexcept { execute_body(body, scope, out); }

 private:
  enum class Flow : uint8_t { next, break_, continue_ };

  Flow execute_body(const Node* node, Scope* scope, Text* out) noexcept;
  Flow execute(const Node* node, Scope* scope, Text* out) noexcept;
  Flow execute_if(const Node* node, Scope* scope, Text* out) noexcept;
  Flow execute_for(const Node* node, Scope* scope, Text* out) noexcept;
  List* select_items(const Node* node, Scope* scope) noexcept;
  void execute_call_block(const Node* node, Scope* scope, Text* out) noexcept;
  void assign(const Node* target, Scope* scope, const Value& value) noexcept;
  Value capture(const Node* body, Scope* scope) noexcept;
  Value capture_filtered(const Node* filters, const Node* body, Scope* scope) noexcept;
  Scope* inner(Scope* parent) noexcept;

  Value evaluate(const Node* node, Scope* scope) noexcept;
  Value evaluate_deep(const Node* node, Scope* scope) noexcept;
  Value evaluate_binary(const Node* node, Scope* scope) noexcept;
  Value evaluate_compare(const Node* node, Scope* scope) noexcept;
  Value evaluate_concat(const Node* node, Scope* scope) noexcept;
  Value evaluate_list(const Node* node, Scope* scope, Kind kind) noexcept;
  Value evaluate_dict(const Node* node, Scope* scope) noexcept;
  Value evaluate_slice(const Node* node, Scope* scope) noexcept;
  Value evaluate_call(const Node* node, Scope* scope, const Value* caller) noexcept;
  Value evaluate_native(const Node* node, Scope* scope) noexcept;  // a filter or a test
  bool evaluate_arguments(const Node* arguments, Scope* scope, Args* args) noexcept;
  Value call(const Value& callee, const Args& args, const Value* caller) noexcept;
  Value call_macro(const Function& function, const Args& args, const Value* caller) noexcept;
  Value macro_value(const Node* node, Scope* scope) noexcept;
  Value lookup(std::string_view name, Scope* scope) noexcept;

  Run& run_;
};

}  // namespace runnel::jinja
