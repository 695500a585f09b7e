// runnel verify: is every byte of a model file as it was written?
#include <memory>

#include "graph/file/model_file.h"
#include "tools/runnel/command.h"
#include "tools/runnel/progress.h"
#include "tools/runnel/size_text.h"
#include "tools/runnel/verified_files.h"

namespace runnel::tools {
namespace {

struct Options {
  std::string path;
  bool json = false;
};

Status run(const Options& options) {
  RUNNEL_ASSIGN(const ModelFile file, ModelFile::open(options.path.c_str(), {.verify = Verify::off}));
  Progress progress("verify", options.json);
  RUNNEL_TRY(file.verify_all(
      [](void* context, uint64_t done, uint64_t total) { static_cast<Progress*>(context)->update(done, total); },
      &progress));
  remember_verified(file.fingerprint());
  if (options.json) {
    print_json({{"ok", true},
                {"name", std::string(file.name())},
                {"hash", std::string(file.hash_hex())},
                {"file_bytes", file.file_bytes()}});
  } else {
    std::printf("%s: whole, %s, %.*s\n", options.path.c_str(), format_size(file.file_bytes()).c_str(),
                static_cast<int>(file.hash_hex().size()), file.hash_hex().data());
  }
  return {};
}

}  // namespace

void add_verify(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand("verify", "Check every hash of a model file");
  sub->add_option("model", options->path, "Model file (.rnl; of shards the first)")->required();
  sub->add_flag("--json", options->json, "Print one JSON object");
  sub->callback([options, &chosen] { chosen.run = [options] { return run(*options); }; });
}

}  // namespace runnel::tools
