#include "tools/runnel/bench_shared.h"

#include <cstdio>

#include "runtime/bench/shared_prompt_bench.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {

Status bench_shared(const BenchOptions& options) {
  SharedPromptOptions shared;
  shared.sessions = options.shared;
  if (!options.prefill.empty()) shared.prompt_tokens = options.prefill.back();
  if (!options.decode.empty()) shared.tail_tokens = options.decode.back();
  RUNNEL_ASSIGN(OpenOptions open, open_options(options.model));
  open.threads = options.threads.empty() ? 0 : options.threads.back();
  RUNNEL_ASSIGN(const Model model, Model::open(options.model.path.c_str(), shared_prompt_model(shared, open)));
  RUNNEL_ASSIGN(const SharedPromptFigures figures, bench_shared_prompt(model, shared));
  const double percent = 100 * figures.second_ttft_ms / figures.first_ttft_ms;
  if (options.json) {
    print_json({{"sessions", shared.sessions},
                {"prompt_tokens", shared.prompt_tokens},
                {"tail_tokens", shared.tail_tokens},
                {"first_ttft_ms", figures.first_ttft_ms},
                {"second_ttft_ms", figures.second_ttft_ms},
                {"second_percent", percent},
                {"tail_ttft_ms", figures.tail_ttft_ms},
                {"kv_bytes", figures.used_bytes},
                {"kv_bytes_unshared", figures.unshared_bytes}});
    return {};
  }
  std::printf(
      "a prompt of %u tokens to an id: first session %.1f ms, second %.1f ms (%.1f%%), its tail of %u %.1f ms\n",
      shared.prompt_tokens, figures.first_ttft_ms, figures.second_ttft_ms, percent, shared.tail_tokens,
      figures.tail_ttft_ms);
  std::printf("KV pages of all %u sessions: %.1f MB, unshared %.1f MB\n", shared.sessions,
              static_cast<double>(figures.used_bytes) / 1e6, static_cast<double>(figures.unshared_bytes) / 1e6);
  return {};
}

}  // namespace runnel::tools
