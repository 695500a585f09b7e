// Two tokenizers small enough to read, for machines without any other: byte-level BPE as a tokenizer.json, and
// SentencePiece BPE with byte pieces as a tokenizer.model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converters/tokenizer/tokenizer_source.h"

namespace runnel::test {

// Ids 0 to 255 are the bytes, then " t", "he", " the", "lo", "hel", "hello", "ll"; <s> 263, </s> 264, <mask> 265 (takes
// white space on both sides), <word> 266 (whole words only), <user> 267 (not special).
std::string small_bpe_json();

// <unk> 0, <s> 1, </s> 2, bytes 3 to 258 when asked for, then the pieces, best score first.
std::string small_sentencepiece(bool with_bytes);

// Written to a temporary file and read from there. Fails the process's test with an exception when it cannot.
TokenizerSource read_small(std::string_view bytes, const char* file_name);

}  // namespace runnel::test
