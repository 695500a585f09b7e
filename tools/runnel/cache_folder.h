// What the command keeps between runs: folders below $XDG_CACHE_HOME/runnel, or ~/.cache/runnel.
#pragma once

#include <string>

namespace runnel::tools {

// The folder's path, made if need be; empty when the user has no home or it cannot be made.
std::string cache_folder(const char* name);

}  // namespace runnel::tools
