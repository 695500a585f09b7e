// Sizes as people write them ("640M", "1.5G", "4096") and as people read them ("1.50 GB").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace runnel::tools {

// Suffixes K, M, G, T (with or without B or iB, any case) are powers of 1024. False when it is not a size or overflows.
bool parse_size(std::string_view text, uint64_t* bytes);
std::string format_size(uint64_t bytes);

}  // namespace runnel::tools
