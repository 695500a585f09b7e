// Texts of vocabularies: GPT-2's byte alphabet, byte tokens, well-known names.
#include <algorithm>
#include <array>

#include "converters/tokenizer/tokenizer_spec.h"
#include "runtime/tokenizer/utf8.h"

namespace runnel {
namespace {

// The byte of each character below U+0144, or -1. Printable Latin-1 stands for itself; the 68 other bytes, in order,
// for U+0100 and on.
const std::array<int, 0x144>& byte_alphabet() {
  static const std::array<int, 0x144> alphabet = [] {
    std::array<int, 0x144> bytes;
    bytes.fill(-1);
    uint32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      bytes[printable ? static_cast<uint32_t>(b) : next++] = b;
    }
    return bytes;
  }();
  return alphabet;
}

// Tokens that end a turn or a text, by the names that model makers have given them.
constexpr std::string_view kEndNames[] = {
    "<|eot_id|>",      "<|im_end|>",
    "<|end|>",         "<|return|>",
    "<|call|>",        "<|flush|>",
    "<|calls|>",       "<end_of_turn>",
    "<|endoftext|>",   "</s>",
    "<|eom_id|>",      "<EOT>",
    "_<EOT>",          "[EOT]",
    "[EOS]",           "<eos>",
    "<|end_of_text|>", "<end_of_utterance>",
    "<turn|>",         "<|tool_response>",
    "<|fim_pad|>",     "<fim-pad>",
    "<fim_pad>",       "<|fim_repo|>",
    "<|repo_name|>",   "<fim-repo>",
    "<REPO>",          "<reponame>",
    "<|file_sep|>",    "<\uff5cend\u2581of\u2581sentence\uff5c>",
};

}  // namespace

bool from_byte_alphabet(std::string_view text, std::string* bytes) {
  const auto& alphabet = byte_alphabet();
  bytes->clear();
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_first(text.substr(at));
    if (c.code_point >= alphabet.size() || alphabet[c.code_point] < 0) return false;
    bytes->push_back(static_cast<char>(alphabet[c.code_point]));
    at += c.bytes;
  }
  return true;
}

int byte_token_value(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return -1;
  int value = 0;
  for (const char c : text.substr(3, 2)) {
    if (c >= '0' && c <= '9') {
      value = value * 16 + (c - '0');
    } else if (c >= 'A' && c <= 'F') {
      value = value * 16 + (c - 'A' + 10);
    } else {
      return -1;
    }
  }
  return value;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  size_t done = 0;
  for (size_t at = 0; (at = text.find(from, done)) != std::string_view::npos; done = at + from.size()) {
    out.append(text, done, at - done);
    out += to;
  }
  return out.append(text, done);
}

std::vector<int32_t> find_end_tokens(bool only_control, TokenizerSpec* spec) {
  std::unordered_map<std::string_view, uint32_t> by_bytes;
  for (uint32_t id = 0; id < spec->tokens.size(); ++id) by_bytes.emplace(spec->tokens[id].bytes, id);
  const auto has = [&](std::string_view name) { return by_bytes.count(name) != 0; };
  // Harmony and its kin end a message with <|end|> and a turn with the others.
  const bool end_goes_on = (has("<|return|>") && has("<|call|>")) || (has("<|calls|>") && has("<|flush|>"));
  const bool s_goes_on = has("<|tool_response>");
  std::vector<int32_t> ends;
  for (const std::string_view name : kEndNames) {
    const auto found = by_bytes.find(name);
    if (found == by_bytes.end()) continue;
    SpecToken& token = spec->tokens[found->second];
    if (only_control && token.kind != TokenKind::control) continue;
    if ((name == "<|end|>" && end_goes_on) || (name == "</s>" && s_goes_on)) continue;
    token.kind = TokenKind::control;
    ends.push_back(static_cast<int32_t>(found->second));
  }
  return ends;
}

void tidy_ids(size_t vocab_size, std::vector<int32_t>* ids) {
  std::erase_if(*ids, [&](int32_t id) { return id < 0 || static_cast<size_t>(id) >= vocab_size; });
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

}  // namespace runnel
