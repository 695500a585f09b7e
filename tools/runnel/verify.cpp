// runnel verify: is every byte of a model file as it was written?
#include <memory>

#include "graph/file/model_file.h"
#include "graph/file/signature.h"
#include "tools/runnel/command.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/progress.h"
#include "tools/runnel/size_text.h"
#include "tools/runnel/verified_files.h"

namespace runnel::tools {
namespace {

struct Options {
  std::string path, public_key;
  bool json = false;
};

// The key as 64 hex digits, from such digits or from a PEM file.
Result<std::string> key_digits(const std::string& given) {
  static constexpr char kDigits[] = "0123456789abcdef";
  if (given.size() == 64 && given.find_first_not_of(kDigits) == std::string::npos) return given;
  uint8_t key[32];
  RUNNEL_TRY(read_public_key(given.c_str(), key));
  std::string out;
  for (const uint8_t byte : key) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

// The header's signature was checked when the file was opened; what is left is whose it is.
Status check_signer(const Options& options, std::string_view signer) {
  if (options.public_key.empty()) return {};
  RUNNEL_ASSIGN(const std::string wanted, key_digits(options.public_key));
  if (signer == wanted) return {};
  return Status::error(Code::corrupt_file, "verify: %s is signed by %s, not by %s", options.path.c_str(),
                       signer.empty() ? "nobody" : std::string(signer).c_str(), wanted.c_str());
}

Status run(const Options& options) {
  RUNNEL_ASSIGN(const ModelFile file, ModelFile::open(options.path.c_str(), {.verify = Verify::off}));
  RUNNEL_TRY(check_signer(options, file.signer_hex()));
  Progress progress("verify", options.json);
  RUNNEL_TRY(file.verify_all(
      [](void* context, uint64_t done, uint64_t total) { static_cast<Progress*>(context)->update(done, total); },
      &progress));
  remember_verified(file.fingerprint());
  if (options.json) {
    print_json({{"ok", true},
                {"name", std::string(file.name())},
                {"hash", std::string(file.hash_hex())},
                {"signer", std::string(file.signer_hex())},
                {"file_bytes", file.file_bytes()}});
  } else {
    std::printf("%s: whole, %s, %.*s\n", options.path.c_str(), format_size(file.file_bytes()).c_str(),
                static_cast<int>(file.hash_hex().size()), file.hash_hex().data());
    if (!file.signer_hex().empty())
      std::printf("signed by %.*s\n", static_cast<int>(file.signer_hex().size()), file.signer_hex().data());
  }
  return {};
}

}  // namespace

void add_verify(Parser& parser) {
  auto options = std::make_shared<Options>();
  Arguments arguments = parser.subcommand("verify", "Whether every byte of a model file is as it was written");
  arguments.add("model", &options->path, "FILE", "Model file (.rnl; of shards the first)").required();
  arguments.add("--public-key", &options->public_key, "KEY",
                "Also check that the model is signed by this key: 64 hex digits, or a PEM file");
  arguments.flag("--json", &options->json, "Print one JSON object");
  arguments.example("runnel verify model.rnl");
  arguments.runs([options] { return run(*options); });
}

}  // namespace runnel::tools
