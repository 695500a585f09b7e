// Any bytes as a prompt: every id is one of the vocabulary's, a tokenizer with all bytes gives the prompt back, and a
// stream of its pieces is well-formed UTF-8.
#include "converters/tokenizer/tokenizer_json.h"
#include "converters/tokenizer/tokenizer_model.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/utf8.h"
#include "tests/support/small_tokenizers.h"

namespace {

using namespace runnel;

Tokenizer open(Result<TokenizerSpec> spec) {
  static std::vector<std::vector<uint8_t>> tables;
  tables.reserve(8);  // the tables are borrowed
  tables.push_back(*write_tokenizer_tables(*spec, "fuzz"));
  return *Tokenizer::open(tables.back());
}

void check(const Tokenizer& tokenizer, std::string_view text, bool is_lossless) {
  Array<int32_t> ids;
  if (!tokenizer.encode(text, {.add_special = false, .parse_special = false, .no_special_across = {}}, &ids).ok()) {
    __builtin_trap();
  }
  Utf8Stream stream;
  for (const int32_t id : ids) {
    const Result<std::string_view> piece = tokenizer.piece(id, true);
    if (!piece.ok()) __builtin_trap();
    const Result<std::string_view> shown = stream.feed(*piece);
    if (!shown.ok() || utf8_valid_prefix(*shown) != shown->size()) __builtin_trap();
  }
  Array<char> back;
  if (!tokenizer.decode(ids, true, &back).ok()) __builtin_trap();
  if (is_lossless && std::string_view(back.data(), back.size()) != text) __builtin_trap();
  ids.clear();
  if (!tokenizer.encode(text, {}, &ids).ok()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Tokenizer kBpe = [] {
    Result<TokenizerSpec> spec = read_tokenizer_json(test::small_bpe_json());
    spec->normalizers.clear();  // a normal form does not give the text back
    std::erase_if(spec->added, [](const SpecAdded& added) { return (added.flags & kAddedSpecial) == 0; });
    return open(std::move(spec));
  }();
  static const Tokenizer kPieces = [] {
    const std::string model = test::small_sentencepiece(true);
    return open(read_sentencepiece({reinterpret_cast<const uint8_t*>(model.data()), model.size()}));
  }();
  const std::string_view text = {reinterpret_cast<const char*>(data), size};
  check(kBpe, text, true);
  check(kPieces, text, text.find("\u2581") == std::string_view::npos);
  return 0;
}
