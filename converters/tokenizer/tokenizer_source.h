// Tokenizer tables (runtime/tokenizer/tokenizer.fbs) from the three places where models keep them.
//
// Thread rule: any thread. No exception leaves these functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "converters/gguf/gguf_file.h"
#include "runnel/status.h"

namespace runnel {

struct TokenizerSource {
  std::vector<uint8_t> tables;     // the FlatBuffer
  std::vector<int32_t> end_ids;    // end-of-generation ids known to this source, ascending, no duplicates
  std::string chat_template;       // empty when none
  std::string bos_text, eos_text;  // empty when none
};

// From GGUF metadata (tokenizer.ggml.*). An unknown tokenizer.ggml.model or .pre is `unsupported`, named.
Result<TokenizerSource> tokenizer_from_gguf(const GgufFile& file) noexcept;
// From a Hugging Face folder: tokenizer.json or tokenizer.model, tokenizer_config.json, special_tokens_map.json,
// generation_config.json, config.json (end ids), chat_template.jinja / .json / in tokenizer_config.json.
Result<TokenizerSource> tokenizer_from_folder(const std::filesystem::path& folder) noexcept;
// From a tokenizer.json or tokenizer.model alone.
Result<TokenizerSource> tokenizer_from_file(const std::filesystem::path& file) noexcept;

}  // namespace runnel
