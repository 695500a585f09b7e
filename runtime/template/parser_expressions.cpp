#include <charconv>

#include "runtime/template/parser.h"

namespace runnel::jinja {

Node* Parser::make(Op op, Node* a, Node* b) noexcept {
  Node* node = arena_.make<Node>();
  if (node == nullptr) {
    if (status_.ok())
      status_ = Status::error(Code::out_of_memory, "chat template: line %u: the template needs more than %zu bytes",
                              peek().line, arena_.limit_bytes());
    return nullptr;
  }
  node->op = op;
  node->line = tokens_[at_ < tokens_.size() ? at_ : tokens_.size() - 1].line;
  node->a = a;
  node->b = b;
  return node;
}

Node* Parser::make_named(Op op, std::string_view name, Node* a) noexcept {
  Node* node = make(op, a);
  if (node != nullptr) node->value = Value::of(name);
  return node;
}

Node* Parser::fail(const char* problem, std::string_view found) noexcept {
  if (!status_.ok()) return nullptr;
  const uint32_t line = tokens_[at_ < tokens_.size() ? at_ : tokens_.size() - 1].line;
  const int shown = static_cast<int>(found.size() < 64 ? found.size() : 64);
  status_ = found.empty() ? Status::error(Code::invalid_argument, "chat template: line %u: %s", line, problem)
                          : Status::error(Code::invalid_argument, "chat template: line %u: %s '%.*s'", line, problem,
                                          shown, found.data());
  return nullptr;
}

const Token& Parser::peek(size_t ahead) const noexcept {
  const size_t last = tokens_.size() - 1;  // the end token
  return tokens_[failed() || at_ + ahead > last ? last : at_ + ahead];
}

const Token& Parser::take() noexcept {
  const Token& token = peek();
  if (token.kind != TokenKind::end) ++at_;
  return token;
}

bool Parser::at_op(std::string_view op) const noexcept { return peek().kind == TokenKind::op && peek().text == op; }
bool Parser::at_name(std::string_view name) const noexcept {
  return peek().kind == TokenKind::name && peek().text == name;
}
bool Parser::take_op(std::string_view op) noexcept { return at_op(op) && (take(), true); }
bool Parser::take_name(std::string_view name) noexcept { return at_name(name) && (take(), true); }

void Parser::expect_op(std::string_view op) noexcept {
  if (!take_op(op)) fail("expected", op);
}

std::string_view Parser::expect_name() noexcept {
  if (peek().kind == TokenKind::name) return take().text;
  fail("expected a name");
  return {};
}

Node* Parser::parse_expression() noexcept {
  Level level(*this);
  if (!level) return nullptr;
  Node* node = parse_or();
  while (take_name("if")) {
    Node* condition = parse_or();
    node = make(Op::conditional, node, condition);
    if (node != nullptr && take_name("else")) node->c = parse_expression();
  }
  return node;
}

bool Parser::ends_tuple() const noexcept {
  const Token& token = peek();
  return token.kind == TokenKind::print_end || token.kind == TokenKind::block_end || token.kind == TokenKind::end ||
         at_op(")") || at_op("=") || at_name("in") || at_name("recursive");
}

Node* Parser::parse_tuple(bool with_conditional) noexcept {
  Level level(*this);
  if (!level) return nullptr;
  Chain elements;
  bool is_tuple = false;
  uint32_t count = 0;
  while (!ends_tuple()) {
    elements.append(with_conditional ? parse_expression() : parse_or());
    ++count;
    if (!take_op(",")) break;
    is_tuple = true;
  }
  if (count == 0 && !at_op(")")) return fail("expected an expression");
  if (count == 1 && !is_tuple) return elements.head();
  return make(Op::tuple, elements.head());
}

Node* Parser::parse_or() noexcept {
  Node* node = parse_and();
  while (take_name("or")) {
    Node* right = parse_and();
    node = make(Op::or_, node, right);
  }
  return node;
}

Node* Parser::parse_and() noexcept {
  Node* node = parse_not();
  while (take_name("and")) {
    Node* right = parse_not();
    node = make(Op::and_, node, right);
  }
  return node;
}

Node* Parser::parse_not() noexcept {
  Level level(*this);
  if (!level) return nullptr;
  if (!take_name("not")) return parse_compare();
  return make(Op::not_, parse_not());
}

Node* Parser::parse_compare() noexcept {
  struct Row {
    std::string_view text;
    Operator code;
  };
  static constexpr Row kRows[] = {{"==", Operator::eq}, {"!=", Operator::ne}, {"<", Operator::lt},
                                  {"<=", Operator::le}, {">", Operator::gt},  {">=", Operator::ge}};
  Node* first = parse_sum();
  Chain operands;
  while (!failed()) {
    Operator code = Operator::none;
    for (const Row& row : kRows)
      if (at_op(row.text)) code = row.code;
    if (at_name("in")) code = Operator::in;
    if (at_name("not") && peek(1).kind == TokenKind::name && peek(1).text == "in") {
      take();
      code = Operator::not_in;
    }
    if (code == Operator::none) break;
    take();
    Node* operand = make(Op::operand, parse_sum());
    if (operand != nullptr) operand->code = code;
    operands.append(operand);
  }
  return operands.head() == nullptr ? first : make(Op::compare, first, operands.head());
}

Node* Parser::parse_sum() noexcept {
  Node* node = parse_concat();
  while (at_op("+") || at_op("-")) {
    const Operator code = take().text == "+" ? Operator::add : Operator::sub;
    Node* right = parse_concat();
    node = make(Op::binary, node, right);
    if (node != nullptr) node->code = code;
  }
  return node;
}

Node* Parser::parse_concat() noexcept {
  Node* first = parse_product();
  if (!at_op("~")) return first;
  Chain parts;
  parts.append(make(Op::operand, first));
  while (take_op("~")) parts.append(make(Op::operand, parse_product()));
  return make(Op::concat, parts.head());
}

Node* Parser::parse_product() noexcept {
  Node* node = parse_power();
  while (at_op("*") || at_op("/") || at_op("//") || at_op("%")) {
    const std::string_view op = take().text;
    Node* right = parse_power();
    node = make(Op::binary, node, right);
    if (node != nullptr)
      node->code = op == "*"    ? Operator::mul
                   : op == "/"  ? Operator::div
                   : op == "//" ? Operator::floor_div
                                : Operator::mod;
  }
  return node;
}

Node* Parser::parse_power() noexcept {
  Node* node = parse_unary(true);
  while (take_op("**")) {
    Node* right = parse_unary(true);
    node = make(Op::binary, node, right);
    if (node != nullptr) node->code = Operator::pow;
  }
  return node;
}

Node* Parser::parse_unary(bool with_filters) noexcept {
  Level level(*this);
  if (!level) return nullptr;
  Node* node = nullptr;
  if (take_op("-"))
    node = make(Op::negate, parse_unary(false));
  else if (take_op("+"))
    node = make(Op::plus, parse_unary(false));
  else
    node = parse_primary();
  node = parse_postfix(node);
  return with_filters ? parse_filters(node) : node;
}

Node* Parser::parse_number(const Token& token) noexcept {
  char digits[64];
  size_t count = 0;
  for (char c : token.text) {
    if (c == '_') continue;
    if (count == sizeof digits) return fail("a number too long", token.text);
    digits[count++] = c;
  }
  Node* node = make(Op::literal);
  if (node == nullptr) return nullptr;
  if (token.kind == TokenKind::integer) {
    int64_t value = 0;
    const auto result = std::from_chars(digits, digits + count, value);
    if (result.ec != std::errc()) return fail("an integer that does not fit 64 bits:", token.text);
    node->value = Value::of(value);
  } else {
    double value = 0;
    if (std::from_chars(digits, digits + count, value).ec != std::errc())
      return fail("a number out of range:", token.text);
    node->value = Value::of(value);
  }
  return node;
}

Node* Parser::parse_primary() noexcept {
  const Token& token = take();
  if (failed()) return nullptr;
  switch (token.kind) {
    case TokenKind::name: {
      const std::string_view name = token.text;
      const bool is_true = name == "true" || name == "True";
      if (!is_true && name != "false" && name != "False" && name != "none" && name != "None")
        return make_named(Op::name, name);
      Node* node = make(Op::literal);
      if (node != nullptr) node->value = name == "none" || name == "None" ? Value::none() : Value::of(is_true);
      return node;
    }
    case TokenKind::integer:
    case TokenKind::real: return parse_number(token);
    case TokenKind::string: {
      Node* node = make_named(Op::literal, token.text);
      if (peek().kind != TokenKind::string) return node;
      Chain parts;  // adjacent strings are one
      parts.append(make(Op::operand, node));
      while (peek().kind == TokenKind::string) {
        const std::string_view text = take().text;
        parts.append(make(Op::operand, make_named(Op::literal, text)));
      }
      return make(Op::concat, parts.head());
    }
    case TokenKind::op:
      if (token.text == "(") {
        Node* node = parse_tuple(true);
        expect_op(")");
        return node;
      }
      if (token.text == "[") {
        Chain elements;
        while (!failed() && !at_op("]")) {
          elements.append(parse_expression());
          if (!take_op(",")) break;
        }
        expect_op("]");
        return make(Op::list, elements.head());
      }
      if (token.text == "{") return parse_dict();
      break;
    default: break;
  }
  return token.text.empty() ? fail("expected an expression") : fail("unexpected", token.text);
}

Node* Parser::parse_dict() noexcept {
  Chain entries;
  while (!failed() && !at_op("}")) {
    entries.append(make(Op::operand, parse_expression()));
    expect_op(":");
    entries.append(make(Op::operand, parse_expression()));
    if (!take_op(",")) break;
  }
  expect_op("}");
  return make(Op::dict, entries.head());
}

Node* Parser::parse_postfix(Node* node) noexcept {
  while (!failed()) {
    if (take_op(".")) {
      if (peek().kind == TokenKind::integer) {
        Node* index = parse_number(take());
        node = make(Op::item, node, index);
      } else {
        node = make_named(Op::attribute, expect_name(), node);
      }
    } else if (take_op("[")) {
      node = parse_subscript(node);
    } else if (take_op("(")) {
      Node* arguments = parse_arguments();
      node = make(Op::call, node, arguments);
    } else {
      break;
    }
  }
  return node;
}

Node* Parser::parse_subscript(Node* base) noexcept {
  Node* parts[3] = {};
  int colons = 0;
  while (!failed() && !at_op("]")) {
    if (take_op(":")) {
      if (++colons > 2) return fail("a slice with more than two colons");
    } else if (parts[colons] == nullptr) {
      parts[colons] = parse_expression();
    } else {
      break;
    }
  }
  expect_op("]");
  if (colons == 0) return parts[0] == nullptr ? fail("an empty subscript") : make(Op::item, base, parts[0]);
  Node* node = make(Op::slice, base, parts[0]);
  if (node != nullptr) {
    node->c = parts[1];
    node->d = parts[2];
  }
  return node;
}

Node* Parser::parse_filters(Node* node) noexcept {
  while (!failed()) {
    if (take_op("|")) {
      node = parse_filter(node);
    } else if (take_name("is")) {
      node = parse_test(node);
    } else if (take_op("(")) {
      Node* arguments = parse_arguments();
      node = make(Op::call, node, arguments);
    } else {
      break;
    }
  }
  return node;
}

Node* Parser::parse_filter(Node* input) noexcept {
  Node* node = make_named(Op::filter, expect_name(), input);
  if (at_op(".")) return fail("a filter name with a dot");
  if (take_op("(")) {
    Node* arguments = parse_arguments();
    if (node != nullptr) node->b = arguments;
  }
  return node;
}

bool Parser::starts_test_argument() const noexcept {
  switch (peek().kind) {
    case TokenKind::name: return !at_name("else") && !at_name("or") && !at_name("and") && !at_name("if");
    case TokenKind::string:
    case TokenKind::integer:
    case TokenKind::real: return true;
    default: return at_op("[") || at_op("{");
  }
}

Node* Parser::parse_test(Node* input) noexcept {
  const bool negated = take_name("not");
  Node* node = make_named(Op::test, expect_name(), input);
  if (take_op("(")) {
    Node* arguments = parse_arguments();
    if (node != nullptr) node->b = arguments;
  } else if (starts_test_argument()) {
    if (at_name("is")) return fail("tests cannot be chained with is");
    if (!at_name("in") && !at_name("not")) {
      Node* argument = parse_postfix(parse_primary());
      if (node != nullptr) node->b = argument;
    }
  }
  return negated ? make(Op::not_, node) : node;
}

// Arguments up to the closing bracket, keywords last.
Node* Parser::parse_arguments() noexcept {
  Chain arguments;
  bool has_keywords = false;
  while (!failed() && !at_op(")")) {
    if (at_op("*") || at_op("**")) return fail("arguments by * are not supported");
    if (peek().kind == TokenKind::name && peek(1).kind == TokenKind::op && peek(1).text == "=") {
      const std::string_view name = take().text;
      take();
      arguments.append(make_named(Op::keyword, name, parse_expression()));
      has_keywords = true;
    } else if (has_keywords) {
      return fail("a positional argument after a keyword");
    } else {
      arguments.append(make(Op::operand, parse_expression()));
    }
    if (!take_op(",")) break;
  }
  expect_op(")");
  return arguments.head();
}

}  // namespace runnel::jinja
