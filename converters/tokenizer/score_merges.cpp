// SentencePiece BPE as a merge table: Kudo and Richardson 2018 (arXiv 1808.06226). It joins the two neighbours whose
// joint text is the piece of the best score, leftmost among equals; so each way to cut a piece in two is a merge, and
// its rank is the place of the piece's score among all scores.
#include <algorithm>
#include <cmath>
#include <limits>

#include "converters/tokenizer/tokenizer_spec.h"
#include "runtime/tokenizer/utf8.h"

namespace runnel {
namespace {

constexpr size_t kLongestPieceBytes = 1024;

bool merges(TokenKind kind) {
  return kind == TokenKind::normal || kind == TokenKind::user_defined || kind == TokenKind::unused;
}

float ordered(float score) { return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score; }

}  // namespace

Status add_score_merges(const std::vector<float>& scores, const char* who, TokenizerSpec* spec) {
  std::vector<float> ranks;
  for (const float score : scores) ranks.push_back(ordered(score));
  std::sort(ranks.begin(), ranks.end(), std::greater<float>());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());

  std::unordered_map<std::string_view, uint32_t> symbols;
  for (uint32_t id = 0; id < spec->tokens.size(); ++id) {
    const SpecToken& token = spec->tokens[id];
    if (merges(token.kind) && !token.text.empty()) symbols.emplace(token.text, id);
  }
  // A character of a piece that is no piece itself still takes part. Bytes that are no character never do.
  std::unordered_map<std::string, uint32_t> phantoms;
  const auto symbol_of = [&](std::string_view text) {
    if (const auto found = symbols.find(text); found != symbols.end()) return found->second;
    if (utf8_char_bytes(text.data(), text.size()) != text.size()) return kNoSymbol;
    const auto [found, is_new] =
        phantoms.emplace(text, static_cast<uint32_t>(spec->tokens.size() + spec->phantoms.size()));
    if (is_new) spec->phantoms.emplace_back(text);
    return found->second;
  };
  for (uint32_t id = 0; id < spec->tokens.size(); ++id) {
    const std::string& text = spec->tokens[id].text;
    const auto own = symbols.find(text);
    if (own == symbols.end() || own->second != id) continue;
    if (text.size() > kLongestPieceBytes) {
      return Status::error(Code::unsupported, "%s: piece %u has %zu bytes, at most %zu are supported", who, id,
                           text.size(), kLongestPieceBytes);
    }
    const float score = id < scores.size() ? ordered(scores[id]) : 0.0f;
    const auto rank = static_cast<uint32_t>(std::lower_bound(ranks.begin(), ranks.end(), score, std::greater<float>()) -
                                            ranks.begin());
    for (size_t cut = 0; cut < text.size();) {
      const size_t length = utf8_char_bytes(text.data() + cut, text.size() - cut);
      if (length == 0) break;  // not a text that merging could reach
      cut += length;
      if (cut == text.size()) break;
      const uint32_t left = symbol_of(std::string_view(text).substr(0, cut));
      if (left == kNoSymbol) continue;
      const uint32_t right = symbol_of(std::string_view(text).substr(cut));
      if (right != kNoSymbol) spec->merges.push_back({left, right, rank, id});
    }
  }
  return {};
}

}  // namespace runnel
