#include "runtime/bench/step_bench.h"

#include <algorithm>

#include "graph/cost.h"
#include "graph/op.h"
#include "kernels/base/clock.h"
#include "runtime/bench/bench_prompt.h"
#include "runtime/eval/likelihood.h"
#include "runtime/os/energy.h"
#include "runtime/session/session_state.h"

namespace runnel {
namespace {

double milliseconds_since(uint64_t start_ns) noexcept { return static_cast<double>(now_ns() - start_ns) * 1e-6; }

// Adds what a step must read and multiply to `times`.
void add_work(Session& session, const StepShape& step, StepTimes* times) noexcept {
  const ModelState& shared = session_state(session).shared();
  const Graph& graph = shared.file().graph();
  const double kv_value_bytes = shared.kv_value_bytes();
  for (const Node& node : graph.nodes) {
    if (node.op != &op_linear && node.op != &op_attention) continue;
    const NodeCost cost = node_cost(graph, node, step, kv_value_bytes);
    times->bytes += cost.bytes;
    if (node.op == &op_linear) times->macs += cost.macs;
  }
}

StepTimes summarise(Array<double>& times, uint32_t tokens_each, double joules) noexcept {
  StepTimes result;
  result.samples = static_cast<uint32_t>(times.size());
  result.p50_ms = percentile(times, 0.50);
  result.p95_ms = percentile(times, 0.95);
  result.p99_ms = percentile(times, 0.99);
  result.tok_s = 1000.0 * tokens_each / result.p50_ms;
  result.joules_per_token = joules / (static_cast<double>(tokens_each) * result.samples);
  return result;
}

}  // namespace

Result<StepTimes> bench_prefill(Session& session, const StepBenchOptions& options) noexcept {
  if (options.tokens == 0 || options.repeats == 0)
    return Status::error(Code::invalid_argument, "bench: a prompt of %u tokens, %u times", options.tokens,
                         options.repeats);
  Array<int32_t> ids;
  RUNNEL_TRY(random_ids(options.tokens, session.model().info().vocab_size, 1, &ids));
  Array<double> times;
  EnergyMeter energy;
  for (uint32_t i = 0; i < options.warm_up + options.repeats; ++i) {
    RUNNEL_TRY(reach_depth(session, options.depth));
    if (i == options.warm_up) energy.start();
    const uint64_t start = now_ns();
    RUNNEL_TRY(session.append(ids));
    RUNNEL_TRY(session.logits().status());
    if (i >= options.warm_up && !times.push(milliseconds_since(start))) return out_of_memory("bench", "the times");
  }
  StepTimes result = summarise(times, options.tokens, energy.joules());
  const uint32_t longest = session_state(session).shared().plan().max_step_tokens;
  for (uint32_t done = 0; done < options.tokens;) {
    const uint32_t count = std::min(longest, options.tokens - done);
    add_work(session, {options.depth + done, count, done + count == options.tokens ? 1u : 0u}, &result);
    done += count;
  }
  return result;
}

Result<StepTimes> bench_decode(Session& session, const StepBenchOptions& options) noexcept {
  if (options.tokens == 0) return Status::error(Code::invalid_argument, "bench: 0 tokens to decode");
  // Decoding needs a token to start from.
  RUNNEL_TRY(reach_depth(session, options.depth == 0 ? 1 : options.depth));
  Array<double> times;
  EnergyMeter energy;
  for (uint32_t i = 0; i < options.warm_up + options.tokens; ++i) {
    if (i == options.warm_up) energy.start();
    const uint64_t start = now_ns();
    RUNNEL_TRY(session.next({}).status());
    RUNNEL_TRY(session.logits().status());
    if (i >= options.warm_up && !times.push(milliseconds_since(start))) return out_of_memory("bench", "the times");
  }
  StepTimes result = summarise(times, 1, energy.joules());
  add_work(session, {session.position() - options.tokens / 2, 1, 1}, &result);
  return result;
}

}  // namespace runnel
