// The tokenizer of whatever a path names: a model file, a GGUF file, a tokenizer.json or .model, a Hugging Face folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/file/model_file.h"
#include "runtime/tokenizer/tokenizer.h"

namespace runnel::tools {

struct TokenizerInput {
  std::vector<uint8_t> tables;         // of a foreign source
  std::optional<ModelFile> file;       // of a model file
  std::optional<Tokenizer> tokenizer;  // borrows one of the two
  std::string chat_template, bos_text, eos_text;
};

Status open_tokenizer(const std::string& path, TokenizerInput* out);

}  // namespace runnel::tools
