#include "converters/tokenizer/tokenizer_json.h"
#include "converters/tokenizer/tokenizer_model.h"

namespace runnel {
namespace {

constexpr size_t kLongestTokenBytes = 1024;
constexpr uint32_t kLlama3Tokens = 128000;
constexpr uint32_t kLlama3Special = 256;

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool decode_base64(std::string_view text, std::string* bytes) {
  bytes->clear();
  while (text.ends_with('=')) text.remove_suffix(1);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes->push_back(static_cast<char>(bits >> held));
  }
  return !bytes->empty();
}

// "base64 rank"
bool read_line(std::string_view line, std::string* bytes, uint64_t* rank) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || !decode_base64(line.substr(0, space), bytes)) return false;
  const std::string_view digits = line.substr(space + 1);
  *rank = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    *rank = *rank * 10 + static_cast<uint64_t>(c - '0');
  }
  return !digits.empty() && digits.size() < 10;
}

Status add_llama3_special(TokenizerSpec* spec) {
  constexpr std::string_view kNames[] = {"begin_of_text",
                                         "end_of_text",
                                         "reserved_special_token_0",
                                         "reserved_special_token_1",
                                         "finetune_right_pad_id",
                                         "step_id",
                                         "start_header_id",
                                         "end_header_id",
                                         "eom_id",
                                         "eot_id",
                                         "python_tag"};
  for (uint32_t i = 0; i < kLlama3Special; ++i) {
    const std::string name = i < std::size(kNames)
                                 ? std::string(kNames[i])
                                 : "reserved_special_token_" + std::to_string(i - std::size(kNames) + 2);
    RUNNEL_TRY(add_token(kLlama3Tokens + i, "<|" + name + "|>", kAddedSpecial, false, spec));
  }
  spec->bos_id = kLlama3Tokens;
  spec->eos_id = kLlama3Tokens + 1;
  spec->prefix_ids = {kLlama3Tokens};
  return {};
}

}  // namespace

bool is_tiktoken(std::string_view text) {
  std::string bytes;
  uint64_t rank = 0;
  return read_line(text.substr(0, std::min(text.find('\n'), text.size())), &bytes, &rank);
}

Result<TokenizerSpec> read_tiktoken(std::string_view text) {
  TokenizerSpec spec;
  spec.ignore_merges = true;
  std::string bytes;
  for (size_t at = 0, line = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    uint64_t rank = 0;
    if (end != at) {
      if (!read_line(text.substr(at, end - at), &bytes, &rank) || rank != line || bytes.size() > kLongestTokenBytes) {
        return Status::error(Code::corrupt_file, "%s: line %zu is no token of rank %zu", kTokenizerModel, line + 1,
                             line);
      }
      spec.tokens.push_back({bytes, bytes, TokenKind::normal});
      if (bytes.size() == 1) spec.byte_ids[static_cast<uint8_t>(bytes[0])] = static_cast<int32_t>(rank);
    } else if (end + 1 < text.size()) {
      return Status::error(Code::corrupt_file, "%s: line %zu is empty", kTokenizerModel, line + 1);
    }
    at = end + 1;
  }
  const auto index = index_texts(spec);
  for (uint32_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string_view whole = spec.tokens[id].text;
    for (size_t cut = 1; cut < whole.size(); ++cut) {
      const auto left = index.find(whole.substr(0, cut)), right = index.find(whole.substr(cut));
      if (left != index.end() && right != index.end()) spec.merges.push_back({left->second, right->second, id, id});
    }
  }
  RUNNEL_ASSIGN(std::string pattern, pcre2_pattern(kLlama3Pattern, kTokenizerModel));
  spec.splits.push_back({std::move(pattern), SplitBehaviour::isolated, false});
  if (spec.tokens.size() == kLlama3Tokens) RUNNEL_TRY(add_llama3_special(&spec));
  return spec;
}

}  // namespace runnel
