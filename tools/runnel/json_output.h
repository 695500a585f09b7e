// JSON for machines: one object on stdout, keys in the order they are given.
#pragma once

#include <nlohmann/json.hpp>

namespace runnel::tools {

using Json = nlohmann::ordered_json;

// Prints the object, and nothing else. Bytes that are not UTF-8 come out as U+FFFD.
void print_json(const Json& value);

}  // namespace runnel::tools
