#include "runtime/template/interpreter.h"
#include "runtime/template/operations.h"

namespace runnel::jinja {

Value Interpreter::lookup(std::string_view name, Scope* scope) noexcept {
  for (; scope != nullptr; scope = scope->parent)
    for (Binding* binding = scope->first; binding != nullptr; binding = binding->next) {
      if (!run_.spend(1)) return {};
      if (binding->name == name) return binding->value;
    }
  if (const Native native = find_global(name)) return run_.method(name, native, {});
  Text quoted(run_);
  quoted.append('\'');
  quoted.append(name);
  quoted.append('\'');
  return Value::undefined(quoted.view());
}

Value Interpreter::evaluate(const Node* node, Scope* scope) noexcept {
  if (node->op == Op::literal) return node->value;
  if (node->op == Op::name) return lookup(node->name(), scope);
  Nesting nesting(run_);
  if (!nesting || !run_.spend(1)) return {};
  run_.line = node->line;
  return evaluate_deep(node, scope);
}

Value Interpreter::evaluate_deep(const Node* node, Scope* scope) noexcept {
  switch (node->op) {
    case Op::captured: return lookup("captured ", scope);
    case Op::operand: return evaluate(node->a, scope);
    case Op::list: return evaluate_list(node, scope, Kind::list);
    case Op::tuple: return evaluate_list(node, scope, Kind::tuple);
    case Op::dict: return evaluate_dict(node, scope);
    case Op::attribute: {
      const Value base = evaluate(node->a, scope);
      return run_.failed() ? Value{} : get_attribute(run_, base, node->name());
    }
    case Op::item: {
      const Value base = evaluate(node->a, scope), index = evaluate(node->b, scope);
      return run_.failed() ? Value{} : get_item(run_, base, index);
    }
    case Op::slice: return evaluate_slice(node, scope);
    case Op::call: return evaluate_call(node, scope, nullptr);
    case Op::filter:
    case Op::test: return evaluate_native(node, scope);
    case Op::not_: return Value::of(!is_true(evaluate(node->a, scope)));
    case Op::negate: return negate(run_, evaluate(node->a, scope));
    case Op::plus: return evaluate(node->a, scope);
    case Op::binary: return evaluate_binary(node, scope);
    case Op::concat: return evaluate_concat(node, scope);
    case Op::compare: return evaluate_compare(node, scope);
    case Op::and_: {
      const Value left = evaluate(node->a, scope);
      return is_true(left) ? evaluate(node->b, scope) : left;
    }
    case Op::or_: {
      const Value left = evaluate(node->a, scope);
      return is_true(left) ? left : evaluate(node->b, scope);
    }
    case Op::conditional:
      if (is_true(evaluate(node->b, scope))) return evaluate(node->a, scope);
      if (node->c != nullptr) return evaluate(node->c, scope);
      return Value::undefined("the conditional without an else");
    default: return run_.fail(Code::internal, "chat template: line %u: no expression", node->line);
  }
}

Value Interpreter::evaluate_binary(const Node* node, Scope* scope) noexcept {
  const Value a = evaluate(node->a, scope), b = evaluate(node->b, scope);
  if (run_.failed()) return {};
  switch (node->code) {
    case Operator::add: return add(run_, a, b);
    case Operator::sub: return subtract(run_, a, b);
    case Operator::mul: return multiply(run_, a, b);
    case Operator::div: return divide(run_, a, b);
    case Operator::floor_div: return floor_divide(run_, a, b);
    case Operator::mod: return modulo(run_, a, b);
    default: return power(run_, a, b);
  }
}

Value Interpreter::evaluate_compare(const Node* node, Scope* scope) noexcept {
  Value left = evaluate(node->a, scope);
  for (const Node* operand = node->b; operand != nullptr; operand = operand->next) {
    const Value right = evaluate(operand->a, scope);
    if (run_.failed()) return {};
    bool holds = false;
    switch (operand->code) {
      case Operator::eq: holds = equal(run_, left, right); break;
      case Operator::ne: holds = !equal(run_, left, right); break;
      case Operator::lt: holds = less(run_, left, right); break;
      case Operator::gt: holds = less(run_, right, left); break;
      case Operator::le: holds = less(run_, left, right) || equal(run_, left, right); break;
      case Operator::ge: holds = less(run_, right, left) || equal(run_, left, right); break;
      case Operator::in: holds = contains(run_, right, left); break;
      default: holds = !contains(run_, right, left);
    }
    if (!holds) return Value::of(false);
    left = right;
  }
  return Value::of(true);
}

Value Interpreter::evaluate_concat(const Node* node, Scope* scope) noexcept {
  Text text(run_);
  for (const Node* part = node->a; part != nullptr; part = part->next)
    append_text(run_, evaluate(part->a, scope), &text);
  return text.value();
}

Value Interpreter::evaluate_list(const Node* node, Scope* scope, Kind kind) noexcept {
  List* list = run_.new_list();
  for (const Node* element = node->a; element != nullptr; element = element->next)
    if (!run_.push(list, evaluate(element, scope))) return {};
  return list == nullptr ? Value{} : Value::of(list, kind);
}

Value Interpreter::evaluate_dict(const Node* node, Scope* scope) noexcept {
  Dict* dict = run_.make<Dict>();
  for (const Node* entry = node->a; entry != nullptr && entry->next != nullptr; entry = entry->next->next) {
    const Value key = evaluate(entry->a, scope), value = evaluate(entry->next->a, scope);
    if (key.is(Kind::list) || key.is(Kind::dict)) return run_.raise("unhashable type: '%s'", type_name(key));
    if (!run_.set(dict, key, value)) return {};
  }
  return dict == nullptr ? Value{} : Value::of(dict);
}

Value Interpreter::evaluate_slice(const Node* node, Scope* scope) noexcept {
  const Value base = evaluate(node->a, scope);
  Value bounds[3];
  const Node* parts[3] = {node->b, node->c, node->d};
  for (int i = 0; i < 3; ++i) bounds[i] = parts[i] == nullptr ? Value::none() : evaluate(parts[i], scope);
  return run_.failed() ? Value{} : get_slice(run_, base, bounds[0], bounds[1], bounds[2]);
}

bool Interpreter::evaluate_arguments(const Node* arguments, Scope* scope, Args* args) noexcept {
  uint32_t count = 0, named_count = 0;
  for (const Node* node = arguments; node != nullptr; node = node->next)
    ++(node->op == Op::keyword ? named_count : count);
  Value* values = run_.make<Value>(count);
  NamedArg* named = run_.make<NamedArg>(named_count);
  if (values == nullptr || named == nullptr) return false;
  *args = {values, 0, named, 0};
  for (const Node* node = arguments; node != nullptr; node = node->next) {
    // A test's bare argument is an expression of its own, not an operand.
    const Node* expression = node->op == Op::keyword || node->op == Op::operand ? node->a : node;
    const Value value = evaluate(expression, scope);
    if (run_.failed()) return false;
    if (node->op == Op::keyword)
      named[args->named_count++] = {node->name(), value};
    else
      values[args->count++] = value;
  }
  return true;
}

Value Interpreter::evaluate_native(const Node* node, Scope* scope) noexcept {
  const bool is_filter = node->op == Op::filter;
  const Native native = is_filter ? find_filter(node->name()) : find_test(node->name());
  if (native == nullptr)
    return run_.raise("no %s named '%.*s'", is_filter ? "filter" : "test", static_cast<int>(node->name().size()),
                      node->name().data());
  const Value self = evaluate(node->a, scope);
  Args args;
  if (run_.failed() || !evaluate_arguments(node->b, scope, &args)) return {};
  return native(run_, self, args);
}

Value Interpreter::evaluate_call(const Node* node, Scope* scope, const Value* caller) noexcept {
  const Value callee = evaluate(node->a, scope);
  if (run_.failed()) return {};
  Args args;
  if (!evaluate_arguments(node->b, scope, &args)) return {};
  run_.line = node->line;
  return call(callee, args, caller);
}

Value Interpreter::call(const Value& callee, const Args& args, const Value* caller) noexcept {
  if (callee.is(Kind::undefined))
    return run_.raise("%.*s is undefined", static_cast<int>(callee.size_bytes), callee.text);
  if (!callee.is(Kind::function)) return run_.raise("'%s' object is not callable", type_name(callee));
  const Function& function = *callee.function;
  if (function.macro != nullptr) return call_macro(function, args, caller);
  return function.native(run_, function.self, args);
}

Value Interpreter::macro_value(const Node* node, Scope* scope) noexcept {
  Function* function = run_.make<Function>();
  if (function == nullptr) return {};
  function->name = node->name();
  function->macro = node;
  function->scope = scope;
  return Value::of(function);
}

Value Interpreter::call_macro(const Function& function, const Args& args, const Value* caller) noexcept {
  const Node* macro = function.macro;
  Scope* scope = inner(function.scope);
  if (scope == nullptr) return {};
  if (caller != nullptr) define(scope, "caller", *caller);
  uint32_t index = 0, named = 0;
  for (const Node* parameter = macro->a; parameter != nullptr; parameter = parameter->next, ++index) {
    const Value* given = args.find(index, parameter->name());
    if (given != nullptr && index >= args.count) ++named;
    if (given != nullptr) {
      define(scope, parameter->name(), *given);
    } else if (parameter->a != nullptr) {
      define(scope, parameter->name(), evaluate(parameter->a, scope));
    } else {
      define(scope, parameter->name(), Value::undefined(parameter->name()));
    }
  }
  if (args.count > index || named != args.named_count)
    return run_.raise("macro '%.*s' takes other arguments", static_cast<int>(function.name.size()),
                      function.name.data());
  Text text(run_);
  execute_body(macro->d, scope, &text);
  return run_.failed() ? Value{} : text.value();
}

}  // namespace runnel::jinja
