#include "tools/runnel/text_input.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace runnel::tools {

Result<std::string> read_file(const char* who, const std::string& path) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr)
    return Status::error(Code::io, "%s: cannot open %s: %s", who, path.c_str(), std::strerror(errno));
  std::string text;
  char buffer[1 << 16];
  errno = 0;
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) != 0;) text.append(buffer, n);
  const bool failed = std::ferror(file) != 0;
  const int reason = errno;
  if (file != stdin) std::fclose(file);
  if (failed) return Status::error(Code::io, "%s: cannot read %s: %s", who, path.c_str(), std::strerror(reason));
  return text;
}

Result<std::vector<int32_t>> parse_ids(const char* who, const std::string& text) {
  std::vector<int32_t> ids;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    size_t begin = at, end = comma;
    while (begin < end && text[begin] == ' ') ++begin;
    while (end > begin && text[end - 1] == ' ') --end;
    int32_t id = 0;
    const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, id);
    if (error != std::errc() || stop != text.data() + end)
      return Status::error(Code::invalid_argument, "%s: \"%.*s\" in --ids is not a token id", who,
                           static_cast<int>(end - begin), text.data() + begin);
    ids.push_back(id);
    at = comma + 1;
  }
  return ids;
}

}  // namespace runnel::tools
