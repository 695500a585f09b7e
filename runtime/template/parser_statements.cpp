#include "runtime/template/parser.h"

namespace runnel::jinja {

Result<Node*> Parser::parse() noexcept {
  Node* body = parse_body({});
  if (!status_.ok()) return std::move(status_);
  return body;
}

// Statements until a block that begins with one of `ends`, whose name is then the next token. Without ends: all.
Node* Parser::parse_body(std::initializer_list<std::string_view> ends) noexcept {
  Chain nodes;
  while (!failed()) {
    const Token& token = peek();
    if (token.kind == TokenKind::text) {
      nodes.append(make_named(Op::text, token.text));
      take();
    } else if (token.kind == TokenKind::print_begin) {
      take();
      nodes.append(make(Op::print, parse_tuple(true)));
      if (peek().kind != TokenKind::print_end) {
        fail("expected the end of the expression, found", peek().text.empty() ? "the end of a tag" : peek().text);
        break;
      }
      take();
    } else if (token.kind == TokenKind::block_begin) {
      take();
      for (std::string_view end : ends)
        if (at_name(end)) return nodes.head();
      nodes.append(parse_statement());
    } else {  // the end
      if (ends.size() != 0) fail("the template ends before", *(ends.end() - 1));
      break;
    }
  }
  return nodes.head();
}

void Parser::expect_block_end() noexcept {
  if (peek().kind == TokenKind::block_end)
    take();
  else
    fail("expected the end of the block, found", peek().text.empty() ? "the end of a tag" : peek().text);
}

void Parser::finish_block(std::string_view end_name) noexcept {
  if (!take_name(end_name)) fail("expected", end_name);
  expect_block_end();
}

Node* Parser::parse_statement() noexcept {
  Level level(*this);
  if (!level) return nullptr;
  const std::string_view name = expect_name();
  if (failed()) return nullptr;
  if (name == "if") return parse_if();
  if (name == "for") return parse_for();
  if (name == "set") return parse_set();
  if (name == "macro") return parse_macro();
  if (name == "call") return parse_call_block();
  if (name == "filter") return parse_filter_block();
  if (name == "with") return parse_with();
  if (name == "break" || name == "continue") {
    if (loops_ == 0) return fail("outside of a loop:", name);
    Node* node = make(name == "break" ? Op::break_ : Op::continue_);
    expect_block_end();
    return node;
  }
  if (name == "generation") {  // marks what the assistant says, for training masks; renders its body
    expect_block_end();
    Node* node = make(Op::scope);
    Node* body = parse_body({"endgeneration"});
    finish_block("endgeneration");
    if (node != nullptr) node->d = body;
    return node;
  }
  return fail("a block that is not supported:", name);
}

Node* Parser::parse_if() noexcept {
  Node* first = nullptr;
  Node** link = &first;
  bool more = true;
  while (more && !failed()) {
    Node* node = make(Op::if_);
    if (node == nullptr) return nullptr;
    *link = node;
    link = &node->c;
    node->a = parse_tuple(false);
    expect_block_end();
    node->b = parse_body({"elif", "else", "endif"});
    if (take_name("elif")) continue;
    if (take_name("else")) {
      expect_block_end();
      Node* otherwise = make(Op::scope);
      if (otherwise != nullptr) otherwise->d = parse_body({"endif"});
      *link = otherwise;
    }
    finish_block("endif");
    more = false;
  }
  return first;
}

// A name, names separated by commas, or namespace.attribute.
Node* Parser::parse_target() noexcept {
  Chain names;
  bool is_tuple = false;
  uint32_t count = 0;
  const bool bracket = take_op("(");
  while (!failed()) {
    const std::string_view name = expect_name();
    if (!failed() && count == 0 && !bracket && take_op("."))
      return make_named(Op::attribute, expect_name(), make_named(Op::name, name));
    names.append(make_named(Op::name, name));
    ++count;
    if (!take_op(",")) break;
    is_tuple = true;
    if (peek().kind != TokenKind::name) break;
  }
  if (bracket) expect_op(")");
  return is_tuple ? make(Op::tuple, names.head()) : names.head();
}

Node* Parser::parse_for() noexcept {
  Node* node = make(Op::for_);
  if (node == nullptr) return nullptr;
  node->a = parse_target();
  if (node->a != nullptr && node->a->op == Op::attribute) return fail("a loop cannot set an attribute");
  if (!take_name("in")) return fail("expected", "in");
  node->b = parse_tuple(false);
  if (take_name("if")) node->c = parse_expression();
  if (at_name("recursive")) return fail("recursive loops are not supported");
  expect_block_end();
  ++loops_;
  node->d = parse_body({"else", "endfor"});
  --loops_;
  if (take_name("else")) {
    expect_block_end();
    node->e = make(Op::scope);
    Node* body = parse_body({"endfor"});
    if (node->e != nullptr) node->e->d = body;
  }
  finish_block("endfor");
  return node;
}

Node* Parser::parse_set() noexcept {
  Node* target = parse_target();
  if (take_op("=")) {
    Node* node = make(Op::set, target, parse_tuple(true));
    expect_block_end();
    return node;
  }
  Node* node = make(Op::set_block, target);
  if (at_op("|")) {
    Node* filters = parse_filters(make(Op::captured));
    if (node != nullptr) node->b = filters;
  }
  expect_block_end();
  Node* body = parse_body({"endset"});
  if (node != nullptr) node->d = body;
  finish_block("endset");
  return node;
}

// (name, name=default, ...)
Node* Parser::parse_parameters() noexcept {
  Chain parameters;
  expect_op("(");
  while (!failed() && !at_op(")")) {
    Node* parameter = make_named(Op::keyword, expect_name());
    if (take_op("=")) {
      Node* value = parse_expression();
      if (parameter != nullptr) parameter->a = value;
    }
    parameters.append(parameter);
    if (!take_op(",")) break;
  }
  expect_op(")");
  return parameters.head();
}

Node* Parser::parse_macro() noexcept {
  Node* node = make_named(Op::macro, expect_name());
  if (node == nullptr) return nullptr;
  node->a = parse_parameters();
  expect_block_end();
  const uint32_t loops = loops_;  // a break in a macro ends no loop around it
  loops_ = 0;
  node->d = parse_body({"endmacro"});
  loops_ = loops;
  finish_block("endmacro");
  return node;
}

Node* Parser::parse_call_block() noexcept {
  Node* caller = make_named(Op::macro, "caller");
  if (at_op("(") && caller != nullptr) caller->a = parse_parameters();
  Node* call = parse_expression();
  if (!failed() && call->op != Op::call) return fail("a call block needs a call");
  expect_block_end();
  const uint32_t loops = loops_;
  loops_ = 0;
  Node* body = parse_body({"endcall"});
  loops_ = loops;
  if (caller != nullptr) caller->d = body;
  finish_block("endcall");
  return make(Op::call_block, call, caller);
}

Node* Parser::parse_filter_block() noexcept {
  Node* node = make(Op::filter_block);
  Node* filters = parse_filter(make(Op::captured));
  filters = parse_filters(filters);
  expect_block_end();
  Node* body = parse_body({"endfilter"});
  if (node != nullptr) {
    node->a = filters;
    node->d = body;
  }
  finish_block("endfilter");
  return node;
}

Node* Parser::parse_with() noexcept {
  Chain variables;
  while (!failed() && peek().kind != TokenKind::block_end) {
    const std::string_view name = expect_name();
    expect_op("=");
    variables.append(make_named(Op::keyword, name, parse_expression()));
    if (!take_op(",")) break;
  }
  expect_block_end();
  Node* node = make(Op::with, variables.head());
  Node* body = parse_body({"endwith"});
  if (node != nullptr) node->d = body;
  finish_block("endwith");
  return node;
}

}  // namespace runnel::jinja
