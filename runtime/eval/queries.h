// Exact match: one chat turn per query, greedy, the answer compared with the expected text, byte for byte.
#pragma once

#include <span>
#include <string_view>

#include "runnel/function_ref.h"
#include "runnel/session.h"

namespace runnel {

struct Query {
  std::string_view messages_json;  // the turn, as the chat template wants it
  std::string_view expected;
};

struct QueriesResult {
  uint32_t exact = 0, total = 0;
};

struct QueriesOptions {
  uint32_t max_tokens = 256;  // an answer longer than this is wrong
  FunctionRef<void(uint32_t done, uint32_t total)> progress = {};
};

Result<QueriesResult> measure_queries(const Model& model, std::span<const Query> queries,
                                      const QueriesOptions& options) noexcept;

}  // namespace runnel
