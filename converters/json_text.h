// JSON of foreign files, bounded before it is built: depth, and no key twice in one object.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "runnel/status.h"

namespace runnel {

// `who` speaks in messages ("config.json"). Depth is at most 64.
Result<nlohmann::json> parse_json(std::string_view text, const char* who);

// A whole small file. `io` when it cannot be read, `corrupt_file` when it is larger than `limit`.
Result<std::string> read_text_file(const std::filesystem::path& path, uint64_t limit);
Result<nlohmann::json> read_json_file(const std::filesystem::path& path, uint64_t limit);

}  // namespace runnel
