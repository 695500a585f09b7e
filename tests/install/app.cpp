// What an app in C++ does, built without exceptions: open under a budget, ask, stream the answer. app MODEL QUERY
#include <runnel/model.h>
#include <runnel/session.h>

#include <cstdio>
#include <string>

namespace {

int fail(const runnel::Status& status) {
  std::fprintf(stderr, "app: %s\n", status.message());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  runnel::OpenOptions options;
  options.budget_bytes = 64u << 20;
  options.context_tokens = 256;
  auto model = runnel::Model::open(argv[1], options);
  if (!model.ok()) return fail(model.status());
  auto session = runnel::Session::create(*model);
  if (!session.ok()) return fail(session.status());
  const std::string messages = std::string("[{\"role\":\"user\",\"content\":\"") + argv[2] + "\"}]";
  runnel::Array<int32_t> ids;
  if (runnel::Status status = model->tokenize_chat(messages, {}, &ids); !status.ok()) return fail(status);
  if (runnel::Status status = session->append(ids); !status.ok()) return fail(status);
  runnel::GenerateOptions generate;
  generate.max_tokens = 96;
  generate.sampler.temperature = 0;
  const auto print = [](std::string_view piece) {
    return std::fwrite(piece.data(), 1, piece.size(), stdout) == piece.size();
  };
  auto generation = session->generate(generate, print);
  if (!generation.ok()) return fail(generation.status());
  std::printf("\n");
  return generation->finish == runnel::FinishReason::end ? 0 : 1;
}
