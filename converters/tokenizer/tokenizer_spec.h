// What every source of a tokenizer is read into, and its writing as tables.
//
// Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runnel/status.h"
#include "runtime/tokenizer/tables.h"

namespace runnel {

struct SpecToken {
  std::string text;   // what the encoder looks up; empty: never
  std::string bytes;  // what the decoder writes
  TokenKind kind = TokenKind::unused;
};

struct SpecMerge {
  uint32_t left, right, rank, result;  // symbols: tokens, then phantoms
};

struct SpecAdded {
  uint32_t id;
  std::string text;
  uint8_t flags = 0;        // kAdded...
  bool normalized = false;  // matched after the normalizers
  bool literal = false;     // ... and given as it looks there
};

struct SpecNormalize {
  NormalizeKind kind;
  std::string from, to;
};

struct SpecSplit {
  std::string pattern;  // PCRE2
  SplitBehaviour behaviour = SplitBehaviour::isolated;
  bool invert = false;
};

struct TokenizerSpec {
  TokenizerKind kind = TokenizerKind::byte_bpe;
  std::vector<SpecToken> tokens;
  std::vector<std::string> phantoms;  // texts that take part in merges and are no tokens
  std::vector<SpecMerge> merges;
  std::vector<SpecAdded> added;
  std::vector<SpecNormalize> normalizers, preparations;
  std::vector<SpecSplit> splits;
  std::vector<uint32_t> prefix_ids, suffix_ids;
  int32_t bos_id = -1, eos_id = -1, unk_id = -1;
  std::vector<int32_t> byte_ids = std::vector<int32_t>(256, -1);
  bool ignore_merges = false;  // a word that is a token is that token
  bool fuse_unknown = false;
  uint8_t strip_spaces = 0;
};

inline constexpr std::string_view kSpaceMark = "\u2581";

// The FlatBuffer, opened once as a proof that the runtime takes it. `who` speaks in messages.
Result<std::vector<uint8_t>> write_tokenizer_tables(const TokenizerSpec& spec, const char* who);

// Texts to ids; the first of equal texts wins, normal tokens before all others.
std::unordered_map<std::string_view, uint32_t> index_texts(const TokenizerSpec& spec);

// The merges that SentencePiece makes: any two symbols whose joint text is a token, best score first. Requires: texts
// and kinds are set.
Status add_score_merges(const std::vector<float>& scores, const char* who, TokenizerSpec* spec);

// GPT-2's alphabet: each byte as a printable character. False when a character is none of the 256.
bool from_byte_alphabet(std::string_view text, std::string* bytes);

// "<0x0A>": the byte, else -1.
int byte_token_value(std::string_view text);

std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

// A regular expression of Oniguruma (Ruby syntax, as Hugging Face tokenizers use it) in PCRE2's terms: what \s, \w and
// \h mean differs, and so do ^ and $. `unsupported` for what has no counterpart.
Result<std::string> pcre2_pattern(std::string_view pattern, const char* who);

// Tokens that end a generation by their well-known names; they become control tokens, or, when `only_control`, only
// those that are control tokens count.
std::vector<int32_t> find_end_tokens(bool only_control, TokenizerSpec* spec);

// Ascending, no duplicates, only ids below the vocabulary's size.
void tidy_ids(size_t vocab_size, std::vector<int32_t>* ids);

}  // namespace runnel
