#include "runtime/eval/perplexity.h"

#include <cmath>
#include <optional>

#include "runtime/eval/likelihood.h"

namespace runnel {
namespace {

struct Sums {
  double nll = 0, kl = 0;
  uint64_t scored = 0, agreed = 0;
  Array<double> divergences;
};

// Scores one chunk: position j (context / 2 <= j < context - 1) predicts token j + 1.
Status score_chunk(Session& session, Session* reference, std::span<const int32_t> ids, Array<float>& reference_rows,
                   Sums* sums) noexcept {
  const uint32_t context = static_cast<uint32_t>(ids.size()), first = context / 2;
  const uint32_t vocab = session.model().info().vocab_size;
  RUNNEL_TRY(session.truncate(0));
  if (reference != nullptr) {
    RUNNEL_TRY(reference->truncate(0));
    RUNNEL_TRY(reference->score(ids, [&](uint32_t row, std::span<const float> logits) {
      if (row >= first && row + 1 < context)
        std::memcpy(reference_rows.data() + size_t{row - first} * vocab, logits.data(), size_t{vocab} * sizeof(float));
      return true;
    }));
  }
  bool kept = true;
  RUNNEL_TRY(session.score(ids, [&](uint32_t row, std::span<const float> logits) {
    if (row < first || row + 1 >= context) return true;
    sums->nll += negative_log_likelihood(logits, static_cast<uint32_t>(ids[row + 1]));
    ++sums->scored;
    if (reference != nullptr) {
      const std::span<const float> base(reference_rows.data() + size_t{row - first} * vocab, vocab);
      const double kl = kl_divergence(base, logits);
      sums->kl += kl;
      sums->agreed += argmax(base) == argmax(logits);
      kept = kept && sums->divergences.push(kl);
    }
    return kept;
  }));
  return kept ? Status() : out_of_memory("eval", "the divergences");
}

}  // namespace

Result<PerplexityResult> measure_perplexity(const Model& model, const Model* reference, std::string_view text,
                                            const PerplexityOptions& options) noexcept {
  const uint32_t context = options.context;
  if (context < 4) return Status::error(Code::invalid_argument, "eval: a context of %u tokens scores nothing", context);
  Array<int32_t> ids;
  RUNNEL_TRY(model.tokenize(text, {.add_special = true, .parse_special = false}, &ids));
  uint64_t chunks = ids.size() / context;
  if (chunks == 0)
    return Status::error(Code::invalid_argument, "eval: the text has %zu tokens, fewer than one chunk of %u",
                         ids.size(), context);
  if (options.max_chunks != 0 && chunks > options.max_chunks) chunks = options.max_chunks;
  const uint32_t vocab = model.info().vocab_size;
  RUNNEL_ASSIGN(Session session, Session::create(model, {.context_tokens = context}));
  std::optional<Session> other;
  Array<float> reference_rows;
  if (reference != nullptr) {
    if (reference->info().vocab_size != vocab)
      return Status::error(Code::invalid_argument, "eval: the reference has a vocabulary of %u tokens, the model of %u",
                           reference->info().vocab_size, vocab);
    RUNNEL_ASSIGN(other, Session::create(*reference, {.context_tokens = context}));
    if (!reference_rows.resize(size_t{context - context / 2} * vocab)) return out_of_memory("eval", "reference logits");
  }
  // BOS stands at the head of every chunk, as it does at the head of every text that the model was trained on.
  const bool adds_bos = model.info().bos_id >= 0 && ids[0] == model.info().bos_id;
  Sums sums;
  for (uint64_t chunk = 0; chunk < chunks; ++chunk) {
    const std::span<int32_t> part(ids.data() + chunk * context, context);
    if (adds_bos) part[0] = model.info().bos_id;
    RUNNEL_TRY(score_chunk(session, other ? &*other : nullptr, part, reference_rows, &sums));
    if (options.progress) options.progress(chunk + 1, chunks);
  }
  PerplexityResult result;
  const double scored = static_cast<double>(sums.scored);
  result.perplexity = std::exp(sums.nll / scored);
  result.tokens = sums.scored;
  result.chunks = static_cast<uint32_t>(chunks);
  if (reference != nullptr) {
    result.kl_mean = sums.kl / scored;
    result.kl_p99 = percentile(sums.divergences, 0.99);
    result.top1_agreement = static_cast<double>(sums.agreed) / scored;
  }
  return result;
}

}  // namespace runnel
