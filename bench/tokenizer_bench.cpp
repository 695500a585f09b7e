// Opening a tokenizer's tables and encoding real text, with the vocabularies and texts of $RUNNEL_TEST_DATA; without it
// these rows say so and are skipped. Text that does not come back as it was is not timed.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "bench/support/figures.h"
#include "tools/runnel/text_input.h"
#include "tools/runnel/tokenizer_input.h"

namespace runnel::bench {
namespace {

std::string data(const char* name) {
  const char* folder = std::getenv("RUNNEL_TEST_DATA");
  return folder == nullptr ? std::string() : std::string(folder) + "/data/" + name;
}

// False, with the row skipped, when the vocabulary cannot be read.
bool load(benchmark::State& state, const char* vocabulary, tools::TokenizerInput* input) {
  const std::string path = data(vocabulary);
  if (path.empty()) {
    state.SkipWithError("RUNNEL_TEST_DATA names no folder");
    return false;
  }
  const Status status = tools::open_tokenizer(path, input);
  if (!status.ok()) state.SkipWithError(status.message());
  return status.ok();
}

void open_tables(benchmark::State& state, const char* vocabulary) {
  tools::TokenizerInput input;
  if (!load(state, vocabulary, &input)) return;
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::open(input.tables));
  state.counters["bytes"] = static_cast<double>(input.tables.size());
}

void encode(benchmark::State& state, const char* vocabulary, const char* text_name) {
  tools::TokenizerInput input;
  if (!load(state, vocabulary, &input)) return;
  const Result<std::string> text = tools::read_file("bench", data(text_name));
  if (!text.ok()) return state.SkipWithError(text.status().message());
  const EncodeOptions options = {.add_special = false, .parse_special = false};
  Array<int32_t> ids;
  Array<char> back;
  if (!input.tokenizer->encode(*text, options, &ids).ok() || !input.tokenizer->decode(ids, false, &back).ok() ||
      std::string_view(back.data(), back.size()) != *text)
    return state.SkipWithError("wrong: the text does not come back");
  const Figures figures;
  for (auto _ : state) {
    ids.clear();
    if (!input.tokenizer->encode(*text, options, &ids).ok()) return state.SkipWithError("no memory");
  }
  const double calls_a_second = figures.rate(state);
  state.counters["MB/s"] = calls_a_second * static_cast<double>(text->size()) * 1e-6;
  state.counters["Mtok/s"] = calls_a_second * static_cast<double>(ids.size()) * 1e-6;
}

const bool registered = [] {
  struct Vocabulary {
    const char *name, *file;
  };
  struct Text {
    const char *name, *file;
  };
  for (const Vocabulary& v : {Vocabulary{"llama3", "vocab/vocab-llama-bpe.gguf"},
                              {"qwen2", "vocab/vocab-qwen2.gguf"},
                              {"llama2_spm", "vocab/ggml-vocab-llama-spm.gguf"}}) {
    const auto add = [&](const std::string& what, auto run) {
      const std::string title = "tokenizer/" + std::string(v.name) + "/" + what;
      benchmark::RegisterBenchmark(title.c_str(), run)->Unit(benchmark::kMillisecond);
    };
    add("open", [v](benchmark::State& state) { open_tables(state, v.file); });
    for (const Text& t : {Text{"wiki", "text/wiki.test.raw"},
                          {"stories", "text/tinystories_val_excerpt.txt"},
                          {"japanese", "text/udhr/jpn.txt"}})
      add(t.name, [v, t](benchmark::State& state) { encode(state, v.file, t.file); });
  }
  return true;
}();

}  // namespace
}  // namespace runnel::bench
