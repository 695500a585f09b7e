// The rows of formats.inc.
#include "converters/source/weight_source.h"

namespace runnel {

#define FORMAT(name) extern const SourceFormat format_##name;
#include "converters/source/formats.inc"
#undef FORMAT

Result<std::unique_ptr<WeightSource>> open_source(const std::filesystem::path& input) {
  const SourceFormat* const formats[] = {
#define FORMAT(name) &format_##name,
#include "converters/source/formats.inc"
#undef FORMAT
  };
  std::error_code error;
  if (!std::filesystem::exists(input, error))
    return Status::error(Code::io, "convert: %s does not exist", input.c_str());
  std::string known;
  for (const SourceFormat* format : formats) {
    if (format->probe(input)) return format->open(input);
    known += (known.empty() ? "" : " nor ") + std::string(format->what);
  }
  return Status::error(Code::unsupported, "convert: %s is neither %s", input.c_str(), known.c_str());
}

}  // namespace runnel
