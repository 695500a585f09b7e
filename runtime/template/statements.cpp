#include "runtime/template/interpreter.h"
#include "runtime/template/operations.h"

namespace runnel::jinja {

void Interpreter::define(Scope* scope, std::string_view name, const Value& value) noexcept {
  if (scope == nullptr) return;
  for (Binding* binding = scope->first; binding != nullptr; binding = binding->next) {
    if (!run_.spend(1)) return;
    if (binding->name == name) {
      binding->value = value;
      return;
    }
  }
  Binding* binding = run_.make<Binding>();
  if (binding == nullptr) return;
  *binding = {name, value, scope->first};
  scope->first = binding;
}

Scope* Interpreter::inner(Scope* parent) noexcept {
  Scope* scope = run_.make<Scope>();
  if (scope != nullptr) scope->parent = parent;
  return scope;
}

Interpreter::Flow Interpreter::execute_body(const Node* node, Scope* scope, Text* out) noexcept {
  if (scope == nullptr) return Flow::next;
  for (; node != nullptr && !run_.failed(); node = node->next) {
    const Flow flow = execute(node, scope, out);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const Node* node, Scope* scope, Text* out) noexcept {
  Nesting nesting(run_);
  if (!nesting || !run_.spend(1)) return Flow::next;
  run_.line = node->line;
  switch (node->op) {
    case Op::text: out->append(node->value.view()); break;
    case Op::print: append_text(run_, evaluate(node->a, scope), out); break;
    case Op::if_: return execute_if(node, scope, out);
    case Op::for_: return execute_for(node, scope, out);
    case Op::scope: return execute_body(node->d, scope, out);
    case Op::set: assign(node->a, scope, evaluate(node->b, scope)); break;
    case Op::set_block: assign(node->a, scope, capture_filtered(node->b, node->d, scope)); break;
    case Op::macro: define(scope, node->name(), macro_value(node, scope)); break;
    case Op::call_block: execute_call_block(node, scope, out); break;
    case Op::filter_block: append_text(run_, capture_filtered(node->a, node->d, scope), out); break;
    case Op::with: {
      Scope* own = inner(scope);
      for (const Node* variable = node->a; variable != nullptr && own != nullptr; variable = variable->next)
        define(own, variable->name(), evaluate(variable->a, scope));
      return execute_body(node->d, own, out);
    }
    case Op::break_: return Flow::break_;
    case Op::continue_: return Flow::continue_;
    default: run_.fail(Code::internal, "chat template: line %u: no statement", node->line);
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_if(const Node* node, Scope* scope, Text* out) noexcept {
  while (node != nullptr && run_.spend(1)) {
    if (node->op == Op::scope) return execute_body(node->d, scope, out);  // else
    run_.line = node->line;
    const bool holds = is_true(evaluate(node->a, scope));
    if (run_.failed()) break;
    if (holds) return execute_body(node->b, scope, out);
    node = node->c;
  }
  return Flow::next;
}

// What the loop goes over: the elements for which its condition holds.
List* Interpreter::select_items(const Node* node, Scope* scope) noexcept {
  const List* all = iterate(run_, evaluate(node->b, scope));
  if (all == nullptr || run_.failed()) return nullptr;
  List* items = run_.new_list(all->count);
  if (items == nullptr) return nullptr;
  for (uint32_t i = 0; i < all->count; ++i) {
    if (node->c != nullptr) {
      Scope* round = inner(scope);
      assign(node->a, round, all->items[i]);
      if (!is_true(evaluate(node->c, round))) continue;
    }
    if (!run_.push(items, all->items[i])) return nullptr;
  }
  return items;
}

Interpreter::Flow Interpreter::execute_for(const Node* node, Scope* scope, Text* out) noexcept {
  const List* items = select_items(node, scope);
  Loop* loop = run_.make<Loop>();
  if (items == nullptr || loop == nullptr) return Flow::next;
  if (items->count == 0) return node->e == nullptr ? Flow::next : execute(node->e, inner(scope), out);
  loop->items = items;
  loop->count = items->count;
  loop->depth0 = run_.loop_depth++;
  Value loop_value;
  loop_value.kind = Kind::loop;
  loop_value.loop = loop;
  for (uint32_t i = 0; i < items->count && run_.spend(1); ++i) {
    loop->index0 = i;
    Scope* round = inner(scope);
    define(round, "loop", loop_value);
    assign(node->a, round, items->items[i]);
    if (execute_body(node->d, round, out) == Flow::break_) break;
  }
  --run_.loop_depth;
  return Flow::next;
}

void Interpreter::assign(const Node* target, Scope* scope, const Value& value) noexcept {
  if (run_.failed() || scope == nullptr) return;
  if (target->op == Op::name) return define(scope, target->name(), value);
  if (target->op == Op::attribute) {
    const Value space = lookup(target->a->name(), scope);
    if (!space.is(Kind::space)) {
      run_.raise("cannot assign attribute on non-namespace object");
      return;
    }
    run_.set(space.dict, Value::of(target->name()), value);
    return;
  }
  const List* parts = iterate(run_, value);
  if (parts == nullptr) return;
  uint32_t i = 0;
  const Node* name = target->a;
  for (; name != nullptr && i < parts->count; name = name->next) define(scope, name->name(), parts->items[i++]);
  if (name != nullptr || i != parts->count) run_.raise("%u values for another number of names", parts->count);
}

Value Interpreter::capture(const Node* body, Scope* scope) noexcept {
  Text text(run_);
  execute_body(body, inner(scope), &text);
  return run_.failed() ? Value{} : text.value();
}

Value Interpreter::capture_filtered(const Node* filters, const Node* body, Scope* scope) noexcept {
  const Value text = capture(body, scope);
  if (filters == nullptr) return text;
  Scope* own = inner(scope);
  define(own, "captured ", text);  // a name that no template can write
  return own == nullptr ? Value{} : evaluate(filters, own);
}

void Interpreter::execute_call_block(const Node* node, Scope* scope, Text* out) noexcept {
  const Value caller = macro_value(node->b, scope);
  append_text(run_, evaluate_call(node->a, scope, &caller), out);
}

}  // namespace runnel::jinja
