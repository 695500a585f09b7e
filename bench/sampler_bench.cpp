// Picking a token out of 256,000: greedy, and with what apps ask for. GB/s are of logits. A pick that is not among
// those that the options allow is not timed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "bench/support/figures.h"
#include "runtime/sampler/sampler.h"

namespace runnel::bench {
namespace {

constexpr uint32_t kVocabulary = 256000;

void pick(benchmark::State& state, const SamplerOptions& options, uint32_t allowed) {
  std::vector<float> logits(kVocabulary);
  std::minstd_rand random(1);
  std::normal_distribution<float> normal(0, 3);
  for (float& x : logits) x = normal(random);
  std::vector<float> sorted = logits;
  std::nth_element(sorted.begin(), sorted.begin() + (allowed - 1), sorted.end(), std::greater<float>());
  const float least = sorted[allowed - 1];
  std::vector<int32_t> recent;
  for (int32_t i = 0; i < 64; ++i) recent.push_back(i * 3001 % static_cast<int32_t>(kVocabulary));
  Sampler sampler;
  if (!sampler.init(kVocabulary).ok()) return state.SkipWithError("no memory");
  Generator generator(7);
  for (int i = 0; i < 20; ++i) {
    const Result<int32_t> id = sampler.pick(logits, recent, options, &generator);
    if (!id.ok()) return state.SkipWithError(id.status().message());
    if (logits[static_cast<size_t>(*id)] < least) return state.SkipWithError("wrong: an id that the options forbid");
  }
  const Figures figures;
  for (auto _ : state) benchmark::DoNotOptimize(sampler.pick(logits, recent, options, &generator));
  figures.set(state, kVocabulary * sizeof(float), 0, Arithmetic::none);
}

BENCHMARK_CAPTURE(pick, greedy, SamplerOptions{}, 1)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pick, temperature, SamplerOptions{.temperature = 0.8f}, kVocabulary)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pick, top_p, (SamplerOptions{.temperature = 0.8f, .top_p = 0.95f}), kVocabulary)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pick, top_k_40_top_p, (SamplerOptions{.temperature = 0.8f, .top_k = 40, .top_p = 0.95f}), 40)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pick, min_p_penalised, (SamplerOptions{.temperature = 1, .min_p = 0.05f, .repetition_penalty = 1.1f}),
                  kVocabulary)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace runnel::bench
