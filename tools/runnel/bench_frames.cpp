#include "tools/runnel/bench_frames.h"

#include <algorithm>
#include <cstdio>

#include "kernels/cpu_topology.h"
#include "runtime/bench/frames_bench.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {
namespace {

constexpr uint32_t kContext = 512;

Json times_json(const FrameTimes& times) {
  return {{"p50_ms", times.p50_ms},
          {"p99_ms", times.p99_ms},
          {"longest_ms", times.longest_ms},
          {"missed", times.missed},
          {"tok_s", times.tok_s}};
}

}  // namespace

Status bench_frames(const BenchOptions& options) {
  const FramesOptions frames;
  ModelOptions model_options = with_threads(options, options.threads.back());
  model_options.context = std::max(model_options.context, kContext);
  RUNNEL_ASSIGN(const Model model, open_model(model_options));
  RUNNEL_ASSIGN(Session session, Session::create(model));
  RUNNEL_ASSIGN(const FramesFigures figures, runnel::bench_frames(session, frames));
  if (options.json) {
    print_json({{"frames",
                 {{"frame_ms", frames.frame_ms},
                  {"work_ms", frames.work_ms},
                  {"interface_threads", cpu_topology().cores},
                  {"threads", model.plan().threads},
                  {"alone", times_json(figures.alone)},
                  {"beside", times_json(figures.beside)},
                  {"beside_yielding", times_json(figures.beside_yielding)}}}});
    return {};
  }
  std::printf("frames of %g ms work every %g ms, on %u threads, %u threads generate:\n", frames.work_ms,
              frames.frame_ms, cpu_topology().cores, model.plan().threads);
  const auto line = [](const char* what, const FrameTimes& times) {
    std::printf("  %-24s p50 %6.2f ms, p99 %7.2f ms, longest %7.2f ms, %5.1f%% missed", what, times.p50_ms,
                times.p99_ms, times.longest_ms, 100 * times.missed);
    if (times.tok_s > 0) std::printf(", %.1f tokens/s", times.tok_s);
    std::printf("\n");
  };
  line("nothing generated", figures.alone);
  line("generating", figures.beside);
  line("generating, yielding", figures.beside_yielding);
  return {};
}

}  // namespace runnel::tools
