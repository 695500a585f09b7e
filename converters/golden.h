// Proofs that travel with a model: texts with their ids, conversations with their rendering, made by the very tokenizer
// and template engine that will serve them, so that a later runtime can tell that it still agrees.
#pragma once

#include <string>
#include <vector>

#include "converters/tokenizer/tokenizer_source.h"
#include "runnel/status.h"

namespace runnel {

struct GoldenVectors {
  struct Text {
    std::string text;
    std::vector<int32_t> ids;
  };
  struct Chat {
    std::string messages_json, rendered;
  };
  std::vector<Text> texts;
  std::vector<Chat> chats;
  uint32_t vocab_size = 0;  // of the tokenizer
};

// Texts are encoded with EncodeOptions{}. With a template, the plain one-message conversation must render; what the
// template refuses of the other conversations (many have no system role) is a note, not an error. Templates see
// kGoldenNow as the time.
Result<GoldenVectors> make_golden(const TokenizerSource& source, bool with_template, std::vector<std::string>* notes);

}  // namespace runnel
