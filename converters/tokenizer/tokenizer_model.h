// The two formats that are called tokenizer.model.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "converters/tokenizer/tokenizer_spec.h"

namespace runnel {

inline constexpr const char* kTokenizerModel = "tokenizer.model";

// SentencePiece's protobuf (google/sentencepiece, sentencepiece_model.proto). Only BPE models.
Result<TokenizerSpec> read_sentencepiece(std::span<const uint8_t> bytes);

// tiktoken's text: a line "base64 rank" a token. The ranks are the merges. Only Llama 3 ships such a file, so the words
// are split its way; 128000 tokens get its 256 special ones.
bool is_tiktoken(std::string_view text);
Result<TokenizerSpec> read_tiktoken(std::string_view text);

}  // namespace runnel
