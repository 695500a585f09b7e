// Vocabulary, merges and added tokens of a tokenizer.json (Hugging Face tokenizers' own format), and the whole file.
#include "converters/json_text.h"
#include "converters/text.h"
#include "converters/tokenizer/tokenizer_json.h"

namespace runnel {
namespace {

using nlohmann::json;

// Ids may leave gaps, but not so many that a small file fills the memory.
constexpr uint64_t kMostGaps = 1 << 16;

const json kNull;

class Model {
 public:
  Model(const JsonParts& parts, TokenizerSpec* spec) : parts_(parts), spec_(*spec) {}

  Status read(const json& model, const json& added) {
    if (!model.is_object()) return json_corrupt("no model");
    std::string type = json_string(model, "type");
    if (type.empty() && json_member(model, "merges").is_array()) type = "BPE";
    if (type != "BPE") return json_unsupported("model %s", in_quotes(type).c_str());
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!json_string(model, key).empty()) return json_unsupported("a model with a %s", key);
    }
    if (const json& dropout = json_member(model, "dropout"); dropout.is_number() && dropout.get<double>() != 0) {
      return json_unsupported("a model with dropout");
    }
    spec_.kind = parts_.is_byte_level ? TokenizerKind::byte_bpe : TokenizerKind::char_bpe;
    spec_.ignore_merges = json_flag(model, "ignore_merges", false);
    spec_.fuse_unknown = json_flag(model, "fuse_unk", false);
    byte_fallback_ = json_flag(model, "byte_fallback", false);
    RUNNEL_TRY(read_vocabulary(json_member(model, "vocab")));
    RUNNEL_TRY(read_merges(json_member(model, "merges")));
    if (const json& unk = json_member(model, "unk_token"); unk.is_string()) {
      const auto found = ids_.find(unk.get_ref<const std::string&>());
      if (found == ids_.end())
        return json_corrupt("unk_token %s is not in the vocabulary",
                            in_quotes(unk.get_ref<const std::string&>()).c_str());
      spec_.unk_id = static_cast<int32_t>(found->second);
    }
    return read_added(added);
  }

 private:
  Status read_vocabulary(const json& vocab) {
    if (!vocab.is_object() || vocab.empty()) return json_corrupt("the model has no vocab");
    uint64_t size = 0;
    for (const auto& [text, id] : vocab.items()) {
      if (!id.is_number_unsigned() || id.get<uint64_t>() >= vocab.size() + kMostGaps) {
        return json_corrupt("token %s has id %s", in_quotes(text).c_str(), id.dump().c_str());
      }
      size = std::max(size, id.get<uint64_t>() + 1);
    }
    spec_.tokens.resize(size);
    ids_.reserve(vocab.size());
    std::string bytes;
    for (const auto& [text, value] : vocab.items()) {
      const auto id = value.get<uint32_t>();
      SpecToken& token = spec_.tokens[id];
      if (!token.bytes.empty()) return json_corrupt("two tokens have id %u", id);
      ids_.emplace(text, id);
      token.kind = TokenKind::normal;
      token.text = text;
      if (spec_.kind == TokenizerKind::byte_bpe) {
        if (from_byte_alphabet(text, &bytes)) {
          token.text = token.bytes = bytes;
          if (bytes.size() == 1) spec_.byte_ids[static_cast<uint8_t>(bytes[0])] = static_cast<int32_t>(id);
        } else {
          token.kind = TokenKind::unused;  // no text of bytes is spelled like this
          token.bytes = text;
        }
        continue;
      }
      token.bytes = text;
      for (const auto& [from, to] : parts_.replacements) token.bytes = replace_all(token.bytes, from, to);
      const int byte = byte_token_value(text);
      if (byte < 0) continue;
      if (parts_.has_byte_fallback) token.bytes = static_cast<char>(byte);
      if (byte_fallback_) {
        token.kind = TokenKind::byte;
        spec_.byte_ids[static_cast<size_t>(byte)] = static_cast<int32_t>(id);
      }
    }
    return {};
  }

  Status read_merges(const json& merges) {
    if (!merges.is_array()) return json_corrupt("the model has no merges");
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      const json& merge = merges[rank];
      std::string left, right;
      if (merge.is_string()) {
        // Tokens may hold spaces themselves: the cut is the one that gives two tokens.
        const auto& text = merge.get_ref<const std::string&>();
        size_t space = text.find(' ', 1);
        const auto fits = [&] {
          return ids_.count(text.substr(0, space)) != 0 && ids_.count(text.substr(space + 1)) != 0;
        };
        while (space != std::string::npos && !fits()) space = text.find(' ', space + 1);
        if (space == std::string::npos) {
          return json_corrupt("merge %zu, %s, is out of the vocabulary", rank, in_quotes(text).c_str());
        }
        left = text.substr(0, space);
        right = text.substr(space + 1);
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        left = merge[0].get<std::string>();
        right = merge[1].get<std::string>();
      } else {
        return json_corrupt("merge %zu is no pair of texts", rank);
      }
      const auto a = ids_.find(left), b = ids_.find(right), whole = ids_.find(left + right);
      if (a == ids_.end() || b == ids_.end() || whole == ids_.end()) {
        return json_corrupt("merge %zu of %s and %s is out of the vocabulary", rank, in_quotes(left).c_str(),
                            in_quotes(right).c_str());
      }
      spec_.merges.push_back({a->second, b->second, static_cast<uint32_t>(rank), whole->second});
    }
    return {};
  }

  Status read_added(const json& added) {
    if (added.is_null()) return {};
    if (!added.is_array()) return json_corrupt("added_tokens is no list");
    for (const json& token : added) {
      const std::string text = json_string(token, "content");
      const json& id = json_member(token, "id");
      if (text.empty() || !id.is_number_unsigned() || id.get<uint64_t>() > UINT32_MAX) {
        return json_corrupt("an added token has no content or no id");
      }
      uint8_t flags = 0;
      if (json_flag(token, "special", false)) flags |= kAddedSpecial;
      if (json_flag(token, "lstrip", false)) flags |= kAddedStripLeft;
      if (json_flag(token, "rstrip", false)) flags |= kAddedStripRight;
      if (json_flag(token, "single_word", false)) flags |= kAddedSingleWord;
      // A token that the vocabulary knows keeps its id there, whatever is said here.
      const auto known = ids_.find(text);
      RUNNEL_TRY(add_token(known == ids_.end() ? id.get<uint32_t>() : known->second, text, flags,
                           json_flag(token, "normalized", true), &spec_));
    }
    return {};
  }

  const JsonParts& parts_;
  TokenizerSpec& spec_;
  std::unordered_map<std::string, uint32_t> ids_;
  bool byte_fallback_ = false;
};

}  // namespace

Status json_corrupt(const char* format, ...) {
  va_list args;
  va_start(args, format);
  Status status = Status::error_v(Code::corrupt_file, format, args);
  va_end(args);
  return std::move(status).with_context("%s", kTokenizerJson);
}

Status json_unsupported(const char* format, ...) {
  va_list args;
  va_start(args, format);
  Status status = Status::error_v(Code::unsupported, format, args);
  va_end(args);
  return std::move(status).with_context("%s: not supported", kTokenizerJson);
}

const json& json_member(const json& object, const char* key) {
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string json_string(const json& object, const char* key) {
  const json& value = json_member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool json_flag(const json& object, const char* key, bool fallback) {
  const json& value = json_member(object, key);
  return value.is_boolean() ? value.get<bool>() : fallback;
}

std::string json_type(const json& component) { return component.is_null() ? "none" : json_string(component, "type"); }

Status add_token(uint32_t id, const std::string& text, uint8_t flags, bool normalized, TokenizerSpec* spec) {
  if (id >= spec->tokens.size()) {
    if (id >= spec->tokens.size() + kMostGaps) {
      return json_corrupt("added token %s has id %u behind %zu tokens", in_quotes(text).c_str(), id,
                          spec->tokens.size());
    }
    spec->tokens.resize(id + 1);
  }
  SpecToken& token = spec->tokens[id];
  const bool is_special = (flags & kAddedSpecial) != 0;
  token.kind = !is_special                                ? TokenKind::user_defined
               : static_cast<int32_t>(id) == spec->unk_id ? TokenKind::unknown
                                                          : TokenKind::control;
  token.text = text;
  if (token.bytes.empty() || is_special) token.bytes = text;
  spec->added.push_back({id, text, flags, normalized, false});
  return {};
}

Status read_model(const json& model, const json& added, const JsonParts& parts, TokenizerSpec* spec) {
  return Model(parts, spec).read(model, added);
}

Result<TokenizerSpec> read_tokenizer_json(std::string_view text) {
  RUNNEL_ASSIGN(const json root, parse_json(text, kTokenizerJson));
  if (!root.is_object()) return json_corrupt("it holds no object");
  TokenizerSpec spec;
  JsonParts parts;
  RUNNEL_TRY(read_normalizer(json_member(root, "normalizer"), &parts, &spec));
  RUNNEL_TRY(read_pre_tokenizer(json_member(root, "pre_tokenizer"), &parts, &spec));
  RUNNEL_TRY(read_decoder(json_member(root, "decoder"), &parts, &spec));
  RUNNEL_TRY(read_model(json_member(root, "model"), json_member(root, "added_tokens"), parts, &spec));
  RUNNEL_TRY(read_post_processor(json_member(root, "post_processor"), &spec));
  return spec;
}

}  // namespace runnel
