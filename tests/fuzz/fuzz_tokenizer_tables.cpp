// Tables of any bytes are refused, or encode and decode without harm.
#include <cstring>
#include <memory>

#include "runtime/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace runnel;
  const auto aligned = std::make_unique<uint64_t[]>(size / 8 + 1);
  std::memcpy(aligned.get(), data, size);
  const Result<Tokenizer> tokenizer = Tokenizer::open({reinterpret_cast<const uint8_t*>(aligned.get()), size});
  if (!tokenizer.ok()) return 0;
  Array<int32_t> ids;
  (void)tokenizer->encode("<s> hello the ab \u2581 123\n\xff</s>", {}, &ids).ok();
  Array<char> text;
  (void)tokenizer->decode(ids, true, &text).ok();
  return 0;
}
