// Tokens to a syntax tree. Expressions follow Jinja's precedence: conditional, or, and, not, comparison, + -, ~,
// * / // %, **, unary, then attributes, subscripts and calls, then filters and tests.
#pragma once

#include <string_view>

#include "runnel/array.h"
#include "runnel/status.h"
#include "runtime/template/arena.h"
#include "runtime/template/ast.h"
#include "runtime/template/lexer.h"

namespace runnel::jinja {

inline constexpr uint32_t kMaxSyntaxNesting = 200;  // a bracket takes three

// Failure is sticky, and looks like the end of the template to all that goes on parsing.
class Parser {
 public:
  Parser(std::span<const Token> tokens, Arena& arena) noexcept : tokens_(tokens), arena_(arena) {}

  // The template's statements, chained by `next`; null when it is empty.
  Result<Node*> parse() noexcept;

 private:
  // Statements: parser_statements.cpp.
  Node* parse_body(std::initializer_list<std::string_view> ends) noexcept;
  Node* parse_statement() noexcept;
  Node* parse_if() noexcept;
  Node* parse_for() noexcept;
  Node* parse_set() noexcept;
  Node* parse_macro() noexcept;
  Node* parse_parameters() noexcept;
  Node* parse_call_block() noexcept;
  Node* parse_filter_block() noexcept;
  Node* parse_with() noexcept;
  Node* parse_target() noexcept;
  void expect_block_end() noexcept;
  void finish_block(std::string_view end_name) noexcept;

  // Expressions: parser_expressions.cpp.
  Node* parse_expression() noexcept;  // with a conditional
  Node* parse_tuple(bool with_conditional) noexcept;
  Node* parse_or() noexcept;
  Node* parse_and() noexcept;
  Node* parse_not() noexcept;
  Node* parse_compare() noexcept;
  Node* parse_sum() noexcept;
  Node* parse_concat() noexcept;
  Node* parse_product() noexcept;
  Node* parse_power() noexcept;
  Node* parse_unary(bool with_filters) noexcept;
  Node* parse_primary() noexcept;
  Node* parse_number(const Token& token) noexcept;
  Node* parse_dict() noexcept;
  Node* parse_postfix(Node* node) noexcept;
  Node* parse_subscript(Node* base) noexcept;
  Node* parse_filters(Node* node) noexcept;
  Node* parse_filter(Node* input) noexcept;
  Node* parse_test(Node* input) noexcept;
  Node* parse_arguments() noexcept;
  bool ends_tuple() const noexcept;
  bool starts_test_argument() const noexcept;

  Node* make(Op op, Node* a = nullptr, Node* b = nullptr) noexcept;
  Node* make_named(Op op, std::string_view name, Node* a = nullptr) noexcept;
  // Null after a failure, or the node.
  Node* fail(const char* problem, std::string_view found = {}) noexcept;
  bool failed() const noexcept { return !status_.ok(); }
  const Token& peek(size_t ahead = 0) const noexcept;
  const Token& take() noexcept;
  bool at_op(std::string_view op) const noexcept;
  bool at_name(std::string_view name) const noexcept;
  bool take_op(std::string_view op) noexcept;
  bool take_name(std::string_view name) noexcept;
  void expect_op(std::string_view op) noexcept;
  std::string_view expect_name() noexcept;

  class Level;

  std::span<const Token> tokens_;
  Arena& arena_;
  Status status_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  uint32_t loops_ = 0;
};

// Counts one level of nesting; false when there are too many.
class Parser::Level {
 public:
  explicit Level(Parser& parser) noexcept : parser_(parser) {
    if (++parser.depth_ > kMaxSyntaxNesting) parser.fail("nested deeper than 200 levels");
  }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --parser_.depth_; }
  explicit operator bool() const noexcept { return !parser_.failed(); }

 private:
  Parser& parser_;
};

// A chain of nodes under construction.
class Chain {
 public:
  void append(Node* node) noexcept {
    if (node == nullptr) return;
    *tail_ = node;
    tail_ = &node->next;
  }
  Node* head() const noexcept { return head_; }

 private:
  Node* head_ = nullptr;
  Node** tail_ = &head_;
};

}  // namespace runnel::jinja
