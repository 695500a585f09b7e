#include "tools/runnel/verified_files.h"

#include <filesystem>
#include <fstream>

#include "graph/file/model_file.h"
#include "tools/runnel/cache_folder.h"

namespace runnel::tools {
namespace {

constexpr const char* kFolder = "verified";

}  // namespace

std::string verified_fingerprint(const std::string& model_path) {
  const std::filesystem::path marks = cache_folder(kFolder);
  if (marks.empty()) return {};
  const auto file = ModelFile::open(model_path.c_str(), {Verify::off, {}});
  if (!file.ok()) return {};
  std::string fingerprint(file->fingerprint());
  std::error_code ignored;
  return std::filesystem::exists(marks / fingerprint, ignored) ? fingerprint : std::string();
}

void remember_verified(std::string_view fingerprint) {
  const std::filesystem::path marks = cache_folder(kFolder);
  if (marks.empty() || fingerprint.empty()) return;
  std::error_code ignored;
  std::ofstream(marks / fingerprint).flush();
}

}  // namespace runnel::tools
