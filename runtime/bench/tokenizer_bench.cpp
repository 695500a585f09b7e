#include "runtime/bench/tokenizer_bench.h"

#include <cstdio>

#include "kernels/base/clock.h"
#include "runtime/eval/likelihood.h"

namespace runnel {

Result<TokenizerTimes> bench_tokenizer(const Model& model, std::string_view text, uint32_t repeats) noexcept {
  if (text.empty() || repeats == 0)
    return Status::error(Code::invalid_argument, "bench: a text of %zu bytes, %u times", text.size(), repeats);
  Array<double> times;
  Array<int32_t> ids;
  for (uint32_t i = 0; i < repeats + 1; ++i) {
    ids.clear();
    const uint64_t start = now_ns();
    RUNNEL_TRY(model.tokenize(text, {}, &ids));
    const uint64_t end = now_ns();
    if (i > 0 && !times.push(static_cast<double>(end - start) * 1e-6)) return out_of_memory("bench", "the times");
  }
  return TokenizerTimes{text.size(), ids.size(), percentile(times, 0.5)};
}

Status prose(size_t bytes, Array<char>* text) noexcept {
  constexpr const char* kWho[] = {
      "The harbour master", "Nobody", "A neighbour's daughter", "Dr. Okonkwo", "Every second reader",
      "The 3rd team",       "Zoë",    "Professor Štefánik"};
  constexpr const char* kDoes[] = {"counted",     "didn't believe in", "photographed", "quietly repaired",
                                   "re-invented", "remembered",        "sold",         "wrote about"};
  constexpr const char* kWhat[] = {"the lighthouse clocks",       "two thousand postcards", "an unfinished bridge",
                                   "their grandmother's recipes", "the index of chapter",   "東京の地図",
                                   "last winter's invoices",      "a theory of tides"};
  constexpr const char* kWhen[] = {
      "before breakfast",       "in the spring of", "at exactly 7:45,",
      "(twice) near page",      "for EUR",          "when the train, late again, left platform",
      "as agreed in paragraph", "on route"};
  uint64_t state = 2463534242u;
  const auto pick = [&](uint64_t count) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 33) % count;
  };
  while (text->size() < bytes) {
    char sentence[256];
    const int length =
        std::snprintf(sentence, sizeof sentence, "%s %s %s %s %llu%s", kWho[pick(8)], kDoes[pick(8)], kWhat[pick(8)],
                      kWhen[pick(8)], static_cast<unsigned long long>(pick(3000)), pick(5) == 0 ? ".\n\n" : ". ");
    if (!text->append(std::span<const char>(sentence, static_cast<size_t>(length))))
      return out_of_memory("bench", "the text");
  }
  return {};
}

}  // namespace runnel
