#include "tools/runnel/json_output.h"

#include <cstdio>

namespace runnel::tools {

void print_json(const Json& value) {
  const std::string text = value.dump(1, ' ', false, Json::error_handler_t::replace);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

}  // namespace runnel::tools
