#include "runtime/eval/queries.h"

namespace runnel {

Result<QueriesResult> measure_queries(const Model& model, std::span<const Query> queries,
                                      const QueriesOptions& options) noexcept {
  RUNNEL_ASSIGN(Session session, Session::create(model));
  QueriesResult result;
  Array<int32_t> ids;
  Array<char> answer;
  for (const Query& query : queries) {
    ids.clear();
    answer.clear();
    RUNNEL_TRY(model.tokenize_chat(query.messages_json, {}, &ids));
    RUNNEL_TRY(session.replace(ids));
    bool kept = true;
    RUNNEL_ASSIGN(const Generation generation,
                  session.generate({.max_tokens = options.max_tokens}, [&](std::string_view piece) {
                    kept = answer.append(piece);
                    return kept;
                  }));
    if (!kept) return out_of_memory("eval", "an answer");
    if (generation.finish == FinishReason::cancelled) return Status::error(Code::cancelled, "eval: interrupted");
    result.exact += std::string_view(answer.data(), answer.size()) == query.expected;
    ++result.total;
    if (options.progress) options.progress(result.total, static_cast<uint32_t>(queries.size()));
  }
  return result;
}

}  // namespace runnel
