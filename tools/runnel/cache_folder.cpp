#include "tools/runnel/cache_folder.h"

#include <cstdlib>
#include <filesystem>

namespace runnel::tools {

std::string cache_folder(const char* name) {
  std::filesystem::path folder;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache != nullptr && cache[0] == '/') {
    folder = cache;
  } else if (home != nullptr && home[0] == '/') {
    folder = std::filesystem::path(home) / ".cache";
  } else {
    return {};
  }
  folder = folder / "runnel" / name;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? std::string() : folder.string();
}

}  // namespace runnel::tools
