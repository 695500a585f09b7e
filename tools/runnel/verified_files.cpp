#include "tools/runnel/verified_files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "graph/file/model_file.h"

namespace runnel::tools {
namespace {

// Empty when the user has no home.
std::filesystem::path folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::filesystem::path(cache) / "runnel" / "verified";
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') return {};
  return std::filesystem::path(home) / ".cache" / "runnel" / "verified";
}

}  // namespace

std::string verified_fingerprint(const std::string& model_path) {
  const std::filesystem::path marks = folder();
  if (marks.empty()) return {};
  const auto file = ModelFile::open(model_path.c_str(), {Verify::off, {}});
  if (!file.ok()) return {};
  std::string fingerprint(file->fingerprint());
  std::error_code ignored;
  return std::filesystem::exists(marks / fingerprint, ignored) ? fingerprint : std::string();
}

void remember_verified(std::string_view fingerprint) {
  const std::filesystem::path marks = folder();
  if (marks.empty() || fingerprint.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(marks, ignored);
  std::ofstream(marks / fingerprint).flush();
}

}  // namespace runnel::tools
