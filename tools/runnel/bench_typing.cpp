#include "tools/runnel/bench_typing.h"

#include <algorithm>
#include <cstdio>

#include "runtime/bench/typing_bench.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {
namespace {

constexpr uint32_t kContext = 1024;  // the text, a hundred tokens or so, and what is decoded after it

}  // namespace

Status bench_typing(const BenchOptions& options) {
  const TypingOptions typing = {.repeats = options.repeats};
  ModelOptions model_options = with_threads(options, options.threads.back());
  model_options.sync_sessions = 1;
  model_options.context = std::max(model_options.context, kContext);
  RUNNEL_ASSIGN(const Model model, open_model(model_options));
  RUNNEL_ASSIGN(Session session, Session::create(model));
  RUNNEL_ASSIGN(const TypingTimes times, runnel::bench_typing(session, typing));
  if (options.json) {
    print_json({{"typing",
                 {{"characters", typing.characters},
                  {"characters_s", typing.per_second},
                  {"threads", model.plan().threads},
                  {"tokens", times.tokens},
                  {"decode_ms", times.decode_ms},
                  {"ttft_ms", times.ttft_ms},
                  {"ttft_hasty_ms", times.ttft_hasty_ms},
                  {"ttft_prefill_ms", times.ttft_prefill_ms}}}});
    return {};
  }
  std::printf("%u characters typed at %g a second (%u tokens), %u threads, medians of %u:\n", typing.characters,
              typing.per_second, times.tokens, model.plan().threads, typing.repeats);
  const auto line = [&](const char* what, double ms) {
    std::printf("  %-52s %8.2f ms, %5.2f decode steps\n", what, ms, ms / times.decode_ms);
  };
  line("a decode step", times.decode_ms);
  line("first token after Enter, a key after the last letter", times.ttft_ms);
  line("first token after Enter, with the last letter", times.ttft_hasty_ms);
  line("first token after Enter, nothing computed before", times.ttft_prefill_ms);
  return {};
}

}  // namespace runnel::tools
