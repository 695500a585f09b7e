// Usage: embed_cpp MODEL.rnl "prompt"
#include <cstdio>

#include "runnel/session.h"

namespace {

runnel::Status answer(const char* path, const char* prompt) {
  // At most 500 MB of private memory; the weights are mapped and cost none of it. Without a context length, the longest
  // that fits is taken.
  RUNNEL_ASSIGN(const runnel::Model model, runnel::Model::open(path, {.budget_bytes = 500'000'000}));
  std::printf("%.*s, %u tokens of context\n", static_cast<int>(model.info().name.size()), model.info().name.data(),
              model.plan().context_tokens);

  RUNNEL_ASSIGN(runnel::Session session, runnel::Session::create(model));
  RUNNEL_TRY(session.append_text(prompt));

  runnel::GenerateOptions options;
  options.max_tokens = 64;
  options.sampler.temperature = 0.8f;
  options.sampler.top_p = 0.95f;
  options.sampler.seed = 42;
  const auto show = [](std::string_view piece) {  // whole UTF-8 characters, as they come
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
    return true;  // false would stop the answer here
  };
  RUNNEL_ASSIGN(const runnel::Generation done, session.generate(options, show));
  std::printf("\n%zu tokens, %s, first after %.1f ms, then %.1f a second\n", done.ids.size(),
              runnel::finish_reason_name(done.finish), done.ttft_ms, done.decode_tok_s);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODEL.rnl PROMPT\n", argv[0]), 2;
  const runnel::Status status = answer(argv[1], argv[2]);
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", runnel::code_name(status.code()), status.message());
  return status.ok() ? 0 : 1;
}
