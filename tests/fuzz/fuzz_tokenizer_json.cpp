// A tokenizer.json of any bytes is refused with a Status or becomes tables that open and encode.
#include "converters/tokenizer/tokenizer_json.h"
#include "runtime/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace runnel;
  Result<TokenizerSpec> spec = read_tokenizer_json({reinterpret_cast<const char*>(data), size});
  if (!spec.ok()) return 0;
  const Result<std::vector<uint8_t>> tables = write_tokenizer_tables(*spec, "fuzz");
  if (!tables.ok()) return 0;
  const Result<Tokenizer> tokenizer = Tokenizer::open(*tables);
  if (!tokenizer.ok()) __builtin_trap();  // what was written must open
  Array<int32_t> ids;
  (void)tokenizer->encode("<s> Hello, w\u00f6rld \u6771\u4eac 123\n\n  </s>", {}, &ids).ok();
  return 0;
}
