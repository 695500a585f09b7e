// Where a subcommand's text comes from: an argument, a file, standard input.
#pragma once

#include <string>
#include <vector>

#include "runnel/status.h"

namespace runnel::tools {

// The whole file; "-" is standard input. `who` speaks in the error.
Result<std::string> read_file(const char* who, const std::string& path);
// "1,2,3" (spaces allowed) to ids. invalid_argument names the part that is no number.
Result<std::vector<int32_t>> parse_ids(const char* who, const std::string& text);

}  // namespace runnel::tools
