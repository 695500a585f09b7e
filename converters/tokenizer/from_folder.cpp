// A Hugging Face folder's tokenizer with all its side files, and single tokenizer files.
#include <map>
#include <system_error>

#include "converters/guard.h"
#include "converters/json_text.h"
#include "converters/text.h"
#include "converters/tokenizer/tokenizer_json.h"
#include "converters/tokenizer/tokenizer_model.h"
#include "converters/tokenizer/tokenizer_source.h"

namespace runnel {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kWho = "tokenizer";
constexpr uint64_t kMostTokenizerBytes = 256u << 20;
constexpr uint64_t kMostSideBytes = 64u << 20;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// Null when the file is not there.
Result<json> side_file(const fs::path& path) {
  if (!is_there(path)) return json();
  return read_json_file(path, kMostSideBytes);
}

Result<TokenizerSpec> parse_any(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '{') return read_tokenizer_json(text);
  if (is_tiktoken(text)) return read_tiktoken(text);
  return read_sentencepiece({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

Result<TokenizerSpec> read_any(const fs::path& path) {
  RUNNEL_ASSIGN(const std::string text, read_text_file(path, kMostTokenizerBytes));
  Result<TokenizerSpec> spec = parse_any(text);
  if (!spec.ok()) return std::move(spec).status().with_context("%s", path.string().c_str());
  return spec;
}

int32_t find_token(const TokenizerSpec& spec, const std::string& text) {
  if (text.empty()) return -1;
  for (const SpecAdded& added : spec.added) {
    if (added.text == text) return static_cast<int32_t>(added.id);
  }
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    if (spec.tokens[id].text == text) return static_cast<int32_t>(id);
  }
  return -1;
}

// "</s>" or {"content": "</s>", ...}
std::string token_text(const json& config, const char* key) {
  const json& value = json_member(config, key);
  return value.is_string() ? value.get<std::string>() : json_string(value, "content");
}

// A number or a list of numbers.
void append_ids(const json& value, std::vector<int32_t>* ids) {
  if (value.is_number_integer()) {
    const auto id = value.get<int64_t>();
    if (id >= 0 && id <= INT32_MAX) ids->push_back(static_cast<int32_t>(id));
  } else if (value.is_array()) {
    for (const json& one : value) {
      if (!one.is_array()) append_ids(one, ids);
    }
  }
}

class Folder {
 public:
  explicit Folder(const fs::path& path) : path_(path) {}

  Result<TokenizerSource> read() {
    const fs::path file = is_there(path_ / "tokenizer.json") ? path_ / "tokenizer.json" : path_ / "tokenizer.model";
    if (!is_there(file)) {
      return Status::error(Code::unsupported, "%s: %s has neither tokenizer.json nor tokenizer.model", kWho,
                           path_.string().c_str());
    }
    is_json_ = file.filename() == "tokenizer.json";
    RUNNEL_ASSIGN(spec_, read_any(file));
    RUNNEL_ASSIGN(config_, side_file(path_ / "tokenizer_config.json"));
    RUNNEL_ASSIGN(const json special, side_file(path_ / "special_tokens_map.json"));
    RUNNEL_TRY(add_configured_tokens());
    const auto named = [&](const char* key, int32_t fallback) {
      std::string text = token_text(config_, key);
      if (text.empty()) text = token_text(special, key);
      const int32_t id = find_token(spec_, text);
      return id < 0 ? fallback : id;
    };
    spec_.bos_id = named("bos_token", spec_.bos_id);
    spec_.eos_id = named("eos_token", spec_.eos_id);
    if (spec_.unk_id < 0) spec_.unk_id = named("unk_token", -1);
    add_around();

    RUNNEL_TRY(read_ends());
    RUNNEL_TRY(read_chat_template());
    RUNNEL_ASSIGN(source_.tables, write_tokenizer_tables(spec_, kWho));
    source_.bos_text = text_of(spec_.bos_id);
    source_.eos_text = text_of(spec_.eos_id);
    return std::move(source_);
  }

 private:
  std::string text_of(int32_t id) const { return id < 0 ? std::string() : spec_.tokens[static_cast<size_t>(id)].bytes; }

  // Tokens that only the side files know: added_tokens.json and tokenizer_config.json's added_tokens_decoder.
  Status add_configured_tokens() {
    RUNNEL_ASSIGN(const json added, side_file(path_ / "added_tokens.json"));
    std::map<uint32_t, std::pair<std::string, json>> by_id;
    if (added.is_object()) {
      for (const auto& [text, id] : added.items()) {
        if (id.is_number_unsigned() && id.get<uint64_t>() < UINT32_MAX) by_id[id.get<uint32_t>()] = {text, json()};
      }
    }
    for (const auto& [id, token] : json_member(config_, "added_tokens_decoder").items()) {
      if (id.empty() || id.size() > 9 || id.find_first_not_of("0123456789") != std::string::npos) continue;
      by_id[static_cast<uint32_t>(std::stoul(id))] = {json_string(token, "content"), token};
    }
    std::vector<bool> is_added(spec_.tokens.size());
    for (const SpecAdded& token : spec_.added) is_added[token.id] = true;
    for (const auto& [id, entry] : by_id) {
      const auto& [text, token] = entry;
      if (text.empty() || (id < is_added.size() && is_added[id])) continue;
      if (id < spec_.tokens.size() && !spec_.tokens[id].bytes.empty() && spec_.tokens[id].bytes != text) {
        return Status::error(Code::corrupt_file, "%s: added token %s has the id %u of another token", kWho,
                             in_quotes(text).c_str(), id);
      }
      uint8_t flags = json_flag(token, "special", true) ? kAddedSpecial : 0;
      if (json_flag(token, "lstrip", false)) flags |= kAddedStripLeft;
      if (json_flag(token, "rstrip", false)) flags |= kAddedStripRight;
      if (json_flag(token, "single_word", false)) flags |= kAddedSingleWord;
      RUNNEL_TRY(add_token(id, text, flags, json_flag(token, "normalized", false), &spec_));
    }
    return {};
  }

  // add_bos_token and add_eos_token overrule the post-processor; a SentencePiece model has none and adds BOS unless
  // told otherwise.
  void add_around() {
    const json& bos = json_member(config_, "add_bos_token");
    const json& eos = json_member(config_, "add_eos_token");
    const auto set = [](bool wanted, int32_t id, std::vector<uint32_t>* ids) {
      if (!wanted) ids->clear();
      if (wanted && ids->empty() && id >= 0) ids->push_back(static_cast<uint32_t>(id));
    };
    if (bos.is_boolean() || !is_json_) set(!bos.is_boolean() || bos.get<bool>(), spec_.bos_id, &spec_.prefix_ids);
    if (eos.is_boolean()) set(eos.get<bool>(), spec_.eos_id, &spec_.suffix_ids);
  }

  Status read_ends() {
    for (const char* name : {"generation_config.json", "config.json"}) {
      RUNNEL_ASSIGN(const json config, side_file(path_ / name));
      append_ids(json_member(config, "eos_token_id"), &source_.end_ids);
      append_ids(json_member(json_member(config, "text_config"), "eos_token_id"), &source_.end_ids);
    }
    source_.end_ids.push_back(spec_.eos_id);
    tidy_ids(spec_.tokens.size(), &source_.end_ids);
    return {};
  }

  // The newer the place, the sooner it counts.
  Status read_chat_template() {
    if (const fs::path file = path_ / "chat_template.jinja"; is_there(file)) {
      RUNNEL_ASSIGN(source_.chat_template, read_text_file(file, kMostSideBytes));
      return {};
    }
    RUNNEL_ASSIGN(const json file, side_file(path_ / "chat_template.json"));
    source_.chat_template = json_string(file, "chat_template");
    if (!source_.chat_template.empty()) return {};
    const json& value = json_member(config_, "chat_template");
    if (value.is_string()) source_.chat_template = value.get<std::string>();
    if (!value.is_array()) return {};
    for (const json& one : value) {  // several by name
      if (json_string(one, "name") == "default") source_.chat_template = json_string(one, "template");
    }
    return {};
  }

  const fs::path& path_;
  bool is_json_ = false;
  json config_;
  TokenizerSpec spec_;
  TokenizerSource source_;
};

}  // namespace

Result<TokenizerSource> tokenizer_from_folder(const fs::path& folder) noexcept {
  return guarded(kWho, [&]() -> Result<TokenizerSource> { return Folder(folder).read(); });
}

Result<TokenizerSource> tokenizer_from_file(const fs::path& file) noexcept {
  return guarded(kWho, [&]() -> Result<TokenizerSource> {
    RUNNEL_ASSIGN(TokenizerSpec spec, read_any(file));
    TokenizerSource source;
    source.end_ids = find_end_tokens(true, &spec);
    // A tokenizer.json names neither; the text that goes before every other is the beginning.
    if (spec.bos_id < 0 && !spec.prefix_ids.empty()) spec.bos_id = static_cast<int32_t>(spec.prefix_ids[0]);
    if (spec.eos_id < 0 && !spec.suffix_ids.empty()) spec.eos_id = static_cast<int32_t>(spec.suffix_ids[0]);
    if (spec.eos_id < 0 && !source.end_ids.empty()) spec.eos_id = source.end_ids[0];
    source.end_ids.push_back(spec.eos_id);
    tidy_ids(spec.tokens.size(), &source.end_ids);
    if (spec.kind == TokenizerKind::char_bpe && spec.prefix_ids.empty() && file.extension() == ".model" &&
        spec.bos_id >= 0) {
      spec.prefix_ids.push_back(static_cast<uint32_t>(spec.bos_id));
    }
    RUNNEL_ASSIGN(source.tables, write_tokenizer_tables(spec, kWho));
    const auto text_of = [&](int32_t id) {
      return id < 0 ? std::string() : spec.tokens[static_cast<size_t>(id)].bytes;
    };
    source.bos_text = text_of(spec.bos_id);
    source.eos_text = text_of(spec.eos_id);
    return source;
  });
}

}  // namespace runnel
