// A tokenizer.model of any bytes, SentencePiece or tiktoken, is refused with a Status or becomes tables that open.
#include "converters/tokenizer/tokenizer_model.h"
#include "runtime/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace runnel;
  const std::string_view text = {reinterpret_cast<const char*>(data), size};
  Result<TokenizerSpec> spec = is_tiktoken(text) ? read_tiktoken(text) : read_sentencepiece({data, size});
  if (!spec.ok()) return 0;
  const Result<std::vector<uint8_t>> tables = write_tokenizer_tables(*spec, "fuzz");
  if (!tables.ok()) return 0;
  const Result<Tokenizer> tokenizer = Tokenizer::open(*tables);
  if (!tokenizer.ok()) __builtin_trap();
  Array<int32_t> ids;
  (void)tokenizer->encode("<s> Hello, w\u00f6rld \u6771\u4eac 123\n\n  </s>", {}, &ids).ok();
  return 0;
}
