// runnel logits: float32 logits of every token of a sequence, as a NumPy file.
#include <cmath>
#include <memory>

#include "runnel/session.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/model_options.h"
#include "tools/runnel/npy.h"
#include "tools/runnel/text_input.h"

namespace runnel::tools {
namespace {

struct Options {
  ModelOptions model;
  std::string ids, prompt, output;
  bool json = false;
};

Status run(const Options& options) {
  RUNNEL_ASSIGN(const Model model, open_model(options.model));
  Array<int32_t> ids;
  if (!options.ids.empty()) {
    RUNNEL_ASSIGN(const std::vector<int32_t> given, parse_ids("logits", options.ids));
    if (!ids.append(given)) return out_of_memory("logits", "the ids");
  } else {
    RUNNEL_TRY(model.tokenize(options.prompt, {}, &ids));
  }
  if (ids.empty()) return Status::error(Code::invalid_argument, "logits: no tokens to compute; give --ids or -p");
  RUNNEL_ASSIGN(Session session, Session::create(model));
  RUNNEL_ASSIGN(NpyWriter writer, NpyWriter::create(options.output, ids.size(), model.info().vocab_size));
  const InterruptWatch watch([](void* running) { static_cast<Session*>(running)->cancel(); }, &session);
  Status written;
  const Status scored = session.score(ids, [&](uint32_t, std::span<const float> row) {
    written = writer.write_rows(row.data(), 1);
    return written.ok();
  });
  RUNNEL_TRY(written);
  if (interrupted()) return Status::error(Code::cancelled, "logits: interrupted");
  RUNNEL_TRY(scored);
  RUNNEL_TRY(writer.finish());
  if (options.json) {
    print_json({{"output", options.output},
                {"tokens", ids.size()},
                {"vocab", model.info().vocab_size},
                {"model", model_json(model.info())}});
  } else {
    std::printf("%s: float32 (%zu, %u)\n", options.output.c_str(), ids.size(), model.info().vocab_size);
  }
  return {};
}

}  // namespace

void add_logits(Parser& parser) {
  auto options = std::make_shared<Options>();
  options->model.logits_rows = 64;
  Arguments arguments = parser.subcommand("logits", "Float32 logits of a token sequence, as a .npy file");
  add_model(arguments, options->model);
  const Option ids = arguments.add("--ids", &options->ids, "IDS", "Token ids: 1,2,3");
  arguments.add("-p,--prompt", &options->prompt, "TEXT", "Text, tokenized as a prompt").excludes(ids);
  arguments.add("-o,--output", &options->output, "FILE", "The .npy file to write: float32 [tokens, vocabulary]")
      .required();
  arguments.flag("--json", &options->json, "Print one JSON object");
  add_model_options(arguments, options->model);
  arguments.example("runnel logits model.rnl -p \"Once upon a time\" -o logits.npy");
  arguments.runs([options] { return run(*options); });
}

}  // namespace runnel::tools
