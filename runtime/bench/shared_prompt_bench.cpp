#include "runtime/bench/shared_prompt_bench.h"

#include "kernels/base/clock.h"
#include "runtime/bench/bench_prompt.h"
#include "runtime/kv/kv_plan.h"
#include "runtime/model/planner.h"

namespace runnel {
namespace {

// Appends and picks an id; how long both took.
Result<double> time_to_id(Session& session, std::span<const int32_t> ids) noexcept {
  const uint64_t begin = now_ns();
  RUNNEL_TRY(session.append(ids));
  RUNNEL_TRY(session.sample({}).status());
  return static_cast<double>(now_ns() - begin) * 1e-6;
}

}  // namespace

OpenOptions shared_prompt_model(const SharedPromptOptions& options, OpenOptions open) noexcept {
  // Whole pages: a tail begins somewhere in the prompt's last one, which each session has a copy of.
  const auto whole_pages = [](uint32_t tokens) {
    return (uint64_t{kv_pages_for(tokens, kPageShift)} + 1) << kPageShift;
  };
  open.sessions = options.sessions;
  open.context_tokens = options.prompt_tokens + options.tail_tokens;
  open.kv_tokens = whole_pages(options.prompt_tokens) + options.sessions * whole_pages(options.tail_tokens);
  open.share_prefixes = true;
  return open;
}

Result<SharedPromptFigures> bench_shared_prompt(const Model& model, const SharedPromptOptions& options) noexcept {
  if (options.sessions < 2 || options.prompt_tokens < 2 || options.tail_tokens < 1)
    return Status::error(Code::invalid_argument, "bench: a shared prompt needs 2 sessions, 2 tokens and tails of 1");
  Array<int32_t> prompt, tail;
  Array<Session> sessions;
  RUNNEL_TRY(random_ids(options.prompt_tokens, model.info().vocab_size, 1, &prompt));
  if (!sessions.reserve(options.sessions)) return out_of_memory("bench", "the sessions");
  SharedPromptFigures figures;
  for (uint32_t s = 0; s < options.sessions; ++s) {
    RUNNEL_ASSIGN(Session session, Session::create(model));
    RUNNEL_ASSIGN(const double prompt_ms, time_to_id(session, prompt));
    RUNNEL_TRY(random_ids(options.tail_tokens, model.info().vocab_size, 1000 + s, &tail));
    RUNNEL_ASSIGN(const double tail_ms, time_to_id(session, tail));
    if (s == 0) figures.first_ttft_ms = prompt_ms;
    if (s == 1) {
      figures.second_ttft_ms = prompt_ms;
      figures.tail_ttft_ms = tail_ms;
    }
    (void)sessions.push(std::move(session));  // reserved above
  }
  const KvUsage usage = model.kv_usage();
  figures.used_bytes = usage.used_bytes;
  figures.unshared_bytes = usage.used_bytes + usage.shared_bytes;
  return figures;
}

}  // namespace runnel
