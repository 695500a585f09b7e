// Tokenizers from GGUF metadata (ggml-org/ggml docs/gguf.md): models "gpt2" (byte-level BPE) and "llama" (SentencePiece
// BPE).
#include <algorithm>
#include <optional>

#include "converters/guard.h"
#include "converters/text.h"
#include "converters/tokenizer/tokenizer_source.h"
#include "converters/tokenizer/tokenizer_spec.h"

namespace runnel {
namespace {

constexpr const char* kWho = "gguf tokenizer";

struct Pre {
  std::string_view name;
  bool ignore_merges, add_bos;
  std::vector<std::string_view> patterns;
};

std::optional<Pre> find_pre(std::string_view name) {
#define PRE_SCHEME(scheme, ignore_merges, add_bos, ...)                \
  [[maybe_unused]] const auto scheme = [](std::string_view pre_name) { \
    return Pre{pre_name, ignore_merges, add_bos, {__VA_ARGS__}};       \
  };
#define PRE_NAME(pre, scheme) \
  if (name == pre) return scheme(name);
#include "converters/tokenizer/pre_names.inc"
  return std::nullopt;
}

class GgufTokenizer {
 public:
  explicit GgufTokenizer(const GgufFile& file) : file_(file) {}

  Result<TokenizerSource> read() {
    RUNNEL_ASSIGN(const std::string_view model, file_.string("tokenizer.ggml.model", ""));
    const bool is_bpe = model == "gpt2";
    if (model.empty()) return Status::error(Code::unsupported, "%s: the file has no tokenizer.ggml.model", kWho);
    if (!is_bpe && model != "llama") {
      return Status::error(Code::unsupported, "%s: tokenizer.ggml.model %s is not supported", kWho,
                           in_quotes(model).c_str());
    }
    RUNNEL_TRY(read_tokens(is_bpe));
    // llama.cpp's defaults where the file names none.
    RUNNEL_TRY(read_id("bos", is_bpe ? 11 : 1, &spec_.bos_id));
    RUNNEL_TRY(read_id("eos", is_bpe ? 11 : 2, &spec_.eos_id));
    RUNNEL_TRY(read_id("unknown", is_bpe ? -1 : 0, &spec_.unk_id));
    RUNNEL_TRY(is_bpe ? read_bpe() : read_sentencepiece());
    RUNNEL_TRY(read_ends());
    read_added();
    RUNNEL_TRY(read_template_ids());

    RUNNEL_ASSIGN(source_.tables, write_tokenizer_tables(spec_, kWho));
    RUNNEL_ASSIGN(const std::string_view chat, file_.string("tokenizer.chat_template", ""));
    source_.chat_template = chat;
    source_.bos_text = text_of(spec_.bos_id);
    source_.eos_text = text_of(spec_.eos_id);
    return std::move(source_);
  }

 private:
  [[gnu::format(printf, 2, 3)]] Status corrupt(const char* format, ...) const {
    va_list args;
    va_start(args, format);
    Status status = Status::error_v(Code::corrupt_file, format, args);
    va_end(args);
    return std::move(status).with_context("%s", kWho);
  }

  Status read_tokens(bool is_bpe) {
    RUNNEL_ASSIGN(const std::vector<std::string_view> texts, file_.strings("tokenizer.ggml.tokens"));
    if (texts.empty()) return corrupt("tokenizer.ggml.tokens is missing or empty");
    RUNNEL_ASSIGN(const std::vector<int64_t> kinds, file_.integers("tokenizer.ggml.token_type"));
    if (!kinds.empty() && kinds.size() != texts.size()) {
      return corrupt("tokenizer.ggml.token_type has %zu entries for %zu tokens", kinds.size(), texts.size());
    }
    spec_.kind = is_bpe ? TokenizerKind::byte_bpe : TokenizerKind::char_bpe;
    spec_.tokens.resize(texts.size());
    for (size_t id = 0; id < texts.size(); ++id) {
      const int64_t kind = kinds.empty() ? 1 : kinds[id];
      if (kind < 0 || kind > 6) {
        return corrupt("token %zu has type %lld", id, static_cast<long long>(kind));
      }
      SpecToken& token = spec_.tokens[id];
      token.kind = kind == 0 ? TokenKind::normal : static_cast<TokenKind>(kind);
      token.text = texts[id];
      token.bytes = token.text;
      if (token.kind == TokenKind::byte) {
        const int value = byte_token_value(token.text);
        if (value < 0) return corrupt("byte token %zu is %s", id, in_quotes(token.text).c_str());
        token.bytes = static_cast<char>(value);
        if (!is_bpe) spec_.byte_ids[static_cast<size_t>(value)] = static_cast<int32_t>(id);
      } else if (token.kind == TokenKind::normal || token.kind == TokenKind::unused) {
        if (!is_bpe) {
          token.bytes = replace_all(token.text, kSpaceMark, " ");
        } else if (from_byte_alphabet(token.text, &token.bytes)) {
          token.text = token.bytes;
        } else {
          token.bytes = token.text;
        }
      }
    }
    return {};
  }

  Status read_id(const char* name, int32_t fallback, int32_t* id) {
    const std::string key = "tokenizer.ggml." + std::string(name) + "_token_id";
    const auto vocab = static_cast<int64_t>(spec_.tokens.size());
    if (fallback >= vocab) fallback = -1;
    RUNNEL_ASSIGN(const uint64_t value, file_.u64(key, UINT64_MAX));
    // Files exist whose ids lie outside of the vocabulary; readers take the default then.
    *id = value < spec_.tokens.size() ? static_cast<int32_t>(value) : fallback;
    return {};
  }

  Status read_bpe() {
    RUNNEL_ASSIGN(const std::string_view name, file_.string("tokenizer.ggml.pre", ""));
    const std::optional<Pre> pre = find_pre(name);
    if (!pre) {
      return Status::error(Code::unsupported, "%s: tokenizer.ggml.pre %s is not known", kWho, in_quotes(name).c_str());
    }
    spec_.ignore_merges = pre->ignore_merges;
    add_bos_ = pre->add_bos;
    for (const std::string_view pattern : pre->patterns) {
      RUNNEL_ASSIGN(std::string translated, pcre2_pattern(pattern, kWho));
      spec_.splits.push_back({std::move(translated), SplitBehaviour::isolated, false});
    }
    for (uint32_t id = 0; id < spec_.tokens.size(); ++id) {
      const SpecToken& token = spec_.tokens[id];
      if (token.kind == TokenKind::normal && token.text.size() == 1) {
        int32_t& byte_id = spec_.byte_ids[static_cast<uint8_t>(token.text[0])];
        if (byte_id < 0) byte_id = static_cast<int32_t>(id);
      }
    }
    return read_merges();
  }

  Status read_merges() {
    RUNNEL_ASSIGN(const std::vector<std::string_view> merges, file_.strings("tokenizer.ggml.merges"));
    if (merges.empty()) return corrupt("tokenizer.ggml.merges is missing or empty");
    std::unordered_map<std::string, uint32_t> symbols;
    for (const auto& [text, id] : index_texts(spec_)) symbols.emplace(text, id);
    std::string left, right;
    const auto symbol_of = [&](const std::string& text) {
      const auto [found, is_new] =
          symbols.emplace(text, static_cast<uint32_t>(spec_.tokens.size() + spec_.phantoms.size()));
      if (is_new) spec_.phantoms.push_back(text);
      return found->second;
    };
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      const size_t space = merges[rank].find(' ', 1);
      if (space == std::string_view::npos || !from_byte_alphabet(merges[rank].substr(0, space), &left) ||
          !from_byte_alphabet(merges[rank].substr(space + 1), &right) || left.empty() || right.empty()) {
        return corrupt("merge %zu is %s", rank, in_quotes(merges[rank]).c_str());
      }
      // Parts or wholes that are no tokens take part all the same and come out as their bytes.
      const uint32_t a = symbol_of(left), b = symbol_of(right);
      spec_.merges.push_back({a, b, static_cast<uint32_t>(rank), symbol_of(left + right)});
    }
    return {};
  }

  Status read_sentencepiece() {
    RUNNEL_ASSIGN(std::vector<float> scores, file_.floats("tokenizer.ggml.scores"));
    if (!scores.empty() && scores.size() != spec_.tokens.size()) {
      return corrupt("tokenizer.ggml.scores has %zu entries for %zu tokens", scores.size(), spec_.tokens.size());
    }
    scores.resize(spec_.tokens.size());
    RUNNEL_TRY(add_score_merges(scores, kWho, &spec_));
    RUNNEL_ASSIGN(const bool add_space, file_.boolean("tokenizer.ggml.add_space_prefix", true));
    if (add_space) {
      spec_.normalizers.push_back({NormalizeKind::prepend, "", std::string(kSpaceMark)});
      spec_.strip_spaces = 1;
    }
    spec_.normalizers.push_back({NormalizeKind::replace, " ", std::string(kSpaceMark)});
    spec_.fuse_unknown = true;
    add_bos_ = true;
    return {};
  }

  Status read_ends() {
    source_.end_ids = find_end_tokens(false, &spec_);
    source_.end_ids.push_back(spec_.eos_id);
    for (const char* name : {"eot", "eom", "fim_pad", "fim_rep", "fim_sep"}) {
      int32_t id = -1;
      RUNNEL_TRY(read_id(name, -1, &id));
      source_.end_ids.push_back(id);
    }
    tidy_ids(spec_.tokens.size(), &source_.end_ids);
    return {};
  }

  void read_added() {
    const auto name = file_.string("general.name", "");
    std::string model = name.ok() ? std::string(*name) : std::string();
    std::transform(model.begin(), model.end(), model.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    // Phi-3's tokens take the white space on their right, which GGUF has no field for.
    const bool strips = model.find("phi-3") != std::string::npos || model.find("phi3") != std::string::npos;
    for (uint32_t id = 0; id < spec_.tokens.size(); ++id) {
      const SpecToken& token = spec_.tokens[id];
      const std::string& text = token.bytes;
      const bool special = token.kind == TokenKind::control || token.kind == TokenKind::unknown;
      if ((!special && token.kind != TokenKind::user_defined) || text.empty()) continue;
      uint8_t flags = special ? kAddedSpecial : 0;
      if (strips && text != "<unk>" && text != "<s>" && text != "<|endoftext|>") flags |= kAddedStripRight;
      spec_.added.push_back({id, text, flags, false, false});
    }
  }

  Status read_template_ids() {
    RUNNEL_ASSIGN(const bool bos, file_.boolean("tokenizer.ggml.add_bos_token", add_bos_));
    RUNNEL_ASSIGN(const bool eos, file_.boolean("tokenizer.ggml.add_eos_token", false));
    if (bos && spec_.bos_id < 0) return corrupt("the model wants a BOS token and has none");
    if (eos && spec_.eos_id < 0) return corrupt("the model wants an EOS token and has none");
    if (bos) spec_.prefix_ids.push_back(static_cast<uint32_t>(spec_.bos_id));
    if (eos) spec_.suffix_ids.push_back(static_cast<uint32_t>(spec_.eos_id));
    return {};
  }

  std::string text_of(int32_t id) const { return id < 0 ? std::string() : spec_.tokens[static_cast<size_t>(id)].bytes; }

  const GgufFile& file_;
  TokenizerSpec spec_;
  TokenizerSource source_;
  bool add_bos_ = false;
};

}  // namespace

Result<TokenizerSource> tokenizer_from_gguf(const GgufFile& file) noexcept {
  return guarded(kWho, [&]() -> Result<TokenizerSource> { return GgufTokenizer(file).read(); });
}

}  // namespace runnel
