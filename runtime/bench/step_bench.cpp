#include "runtime/bench/step_bench.h"

#include <chrono>

#include "runtime/bench/bench_prompt.h"
#include "runtime/eval/likelihood.h"

namespace runnel {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) noexcept {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

StepTimes summarise(Array<double>& times, uint32_t tokens_each) noexcept {
  StepTimes result;
  result.samples = static_cast<uint32_t>(times.size());
  result.p50_ms = percentile(times, 0.50);
  result.p95_ms = percentile(times, 0.95);
  result.p99_ms = percentile(times, 0.99);
  result.tok_s = 1000.0 * tokens_each / result.p50_ms;
  return result;
}

}  // namespace

Result<StepTimes> bench_prefill(Session& session, const StepBenchOptions& options) noexcept {
  if (options.tokens == 0) return Status::error(Code::invalid_argument, "bench: a prompt of 0 tokens");
  Array<int32_t> ids;
  RUNNEL_TRY(random_ids(options.tokens, session.model().info().vocab_size, 1, &ids));
  Array<double> times;
  for (uint32_t i = 0; i < options.warm_up + options.repeats; ++i) {
    RUNNEL_TRY(reach_depth(session, options.depth));
    const Clock::time_point start = Clock::now();
    RUNNEL_TRY(session.append(ids));
    RUNNEL_TRY(session.logits().status());
    if (i >= options.warm_up && !times.push(milliseconds_since(start))) return out_of_memory("bench", "the times");
  }
  return summarise(times, options.tokens);
}

Result<StepTimes> bench_decode(Session& session, const StepBenchOptions& options) noexcept {
  if (options.tokens == 0) return Status::error(Code::invalid_argument, "bench: 0 tokens to decode");
  // Decoding needs a token to start from.
  RUNNEL_TRY(reach_depth(session, options.depth == 0 ? 1 : options.depth));
  Array<double> times;
  for (uint32_t i = 0; i < options.warm_up + options.tokens; ++i) {
    const Clock::time_point start = Clock::now();
    RUNNEL_TRY(session.next({}).status());
    RUNNEL_TRY(session.logits().status());
    if (i >= options.warm_up && !times.push(milliseconds_since(start))) return out_of_memory("bench", "the times");
  }
  return summarise(times, 1);
}

}  // namespace runnel
