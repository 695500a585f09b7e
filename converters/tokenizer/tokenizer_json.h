// The parts of a Hugging Face tokenizer.json, each read into a specification.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "converters/tokenizer/tokenizer_spec.h"

namespace runnel {

// Speaks for all of them.
inline constexpr const char* kTokenizerJson = "tokenizer.json";

[[gnu::format(printf, 1, 2)]] Status json_corrupt(const char* format, ...);
[[gnu::format(printf, 1, 2)]] Status json_unsupported(const char* format, ...);

// The member, or null when it is missing.
const nlohmann::json& json_member(const nlohmann::json& object, const char* key);
// Its string, or empty.
std::string json_string(const nlohmann::json& object, const char* key);
bool json_flag(const nlohmann::json& object, const char* key, bool fallback);
// "type" of a component; "none" for null.
std::string json_type(const nlohmann::json& component);

// What the components say together and the vocabulary needs to know.
struct JsonParts {
  bool is_byte_level = false;
  // Decoder: replacements in a token's text, whether byte tokens become bytes.
  std::vector<std::pair<std::string, std::string>> replacements;
  bool has_byte_fallback = false;
};

Status read_normalizer(const nlohmann::json& normalizer, JsonParts* parts, TokenizerSpec* spec);
Status read_pre_tokenizer(const nlohmann::json& pre_tokenizer, JsonParts* parts, TokenizerSpec* spec);
Status read_decoder(const nlohmann::json& decoder, JsonParts* parts, TokenizerSpec* spec);
// Requires: the parts above are read.
Status read_model(const nlohmann::json& model, const nlohmann::json& added, const JsonParts& parts,
                  TokenizerSpec* spec);
// Requires: the vocabulary is read.
Status read_post_processor(const nlohmann::json& processor, TokenizerSpec* spec);

// The whole file.
Result<TokenizerSpec> read_tokenizer_json(std::string_view text);

// An added token of any source, which extends the vocabulary when its id lies behind it.
Status add_token(uint32_t id, const std::string& text, uint8_t flags, bool normalized, TokenizerSpec* spec);

}  // namespace runnel
