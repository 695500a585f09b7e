#include "tools/runnel/size_text.h"

#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace runnel::tools {

bool parse_size(std::string_view text, uint64_t* bytes) {
  const std::string copy(text);
  const size_t digits = copy.find_first_not_of("0123456789.");
  if (copy.empty() || digits == 0) return false;
  char* end = nullptr;
  const std::string mantissa = copy.substr(0, digits);
  const double number = std::strtod(mantissa.c_str(), &end);
  if (*end != '\0' || !std::isfinite(number)) return false;
  std::string suffix;
  for (const char* rest = digits == std::string::npos ? "" : copy.c_str() + digits; *rest != '\0'; ++rest)
    suffix.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(*rest))));
  double factor = 1;
  if (!suffix.empty() && suffix != "b") {
    const size_t power = std::string_view("kmgt").find(suffix[0]);
    const std::string_view rest = std::string_view(suffix).substr(1);
    if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) return false;
    factor = std::pow(1024.0, static_cast<double>(power + 1));
  }
  const double value = number * factor;
  if (value >= 18446744073709549568.0) return false;  // the largest double below 2^64
  *bytes = static_cast<uint64_t>(value);
  return true;
}

std::string format_size(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.2f %s", value, kUnits[unit]);
  return text;
}

}  // namespace runnel::tools
