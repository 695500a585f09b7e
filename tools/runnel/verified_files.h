// Which model files this user has seen whole: one empty file a fingerprint in $XDG_CACHE_HOME/runnel/verified (or
// ~/.cache). It only ever saves time: without the folder everything is hashed again. `runnel verify` never asks it.
#pragma once

#include <string>
#include <string_view>

namespace runnel::tools {

// The file's fingerprint if it was seen whole, else empty.
std::string verified_fingerprint(const std::string& model_path);
void remember_verified(std::string_view fingerprint);

}  // namespace runnel::tools
