#include "tests/support/small_tokenizers.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include <unistd.h>

namespace runnel::test {
namespace {

using nlohmann::json;

std::string utf8(uint32_t c) {
  if (c < 0x80) return {static_cast<char>(c)};
  return {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
}

std::string in_alphabet(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    const auto value = static_cast<uint8_t>(byte);
    uint32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      const uint32_t c = printable ? static_cast<uint32_t>(b) : next++;
      if (b == value) out += utf8(c);
    }
  }
  return out;
}

void varint(uint64_t value, std::string* to) {
  for (; value >= 0x80; value >>= 7) to->push_back(static_cast<char>(value | 0x80));
  to->push_back(static_cast<char>(value));
}

void bytes_field(uint32_t number, std::string_view bytes, std::string* to) {
  varint(number << 3 | 2, to);
  varint(bytes.size(), to);
  to->append(bytes);
}

void number_field(uint32_t number, uint64_t value, std::string* to) {
  varint(number << 3, to);
  varint(value, to);
}

void piece(std::string_view text, float score, int type, std::string* model) {
  std::string message;
  bytes_field(1, text, &message);
  varint(2 << 3 | 5, &message);
  char bits[4];
  std::memcpy(bits, &score, 4);
  message.append(bits, 4);
  number_field(3, static_cast<uint64_t>(type), &message);
  bytes_field(1, message, model);
}

}  // namespace

std::string small_bpe_json() {
  json vocab = json::object();
  for (int b = 0; b < 256; ++b) vocab[in_alphabet(std::string(1, static_cast<char>(b)))] = b;
  json merges = json::array();
  const std::pair<const char*, const char*> pairs[] = {{" ", "t"},  {"h", "e"},    {" t", "he"}, {"l", "o"},
                                                       {"he", "l"}, {"hel", "lo"}, {"l", "l"}};
  for (const auto& [left, right] : pairs) {
    merges.push_back(json::array({in_alphabet(left), in_alphabet(right)}));
    vocab[in_alphabet(std::string(left) + right)] = 255 + merges.size();
  }
  const auto added = [](int id, const char* text, bool special, bool strips, bool single) {
    return json{{"id", id},         {"content", text},       {"special", special},    {"lstrip", strips},
                {"rstrip", strips}, {"single_word", single}, {"normalized", !special}};
  };
  json root = {{"normalizer", {{"type", "NFC"}}},
               {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
               {"decoder", {{"type", "ByteLevel"}}},
               {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}},
               {"added_tokens",
                {added(263, "<s>", true, false, false), added(264, "</s>", true, false, false),
                 added(265, "<mask>", true, true, false), added(266, "<word>", true, false, true),
                 added(267, "<user>", false, false, false)}}};
  root["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
      {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {263}}, {"tokens", {"<s>"}}}}}}};
  return root.dump();
}

std::string small_sentencepiece(bool with_bytes) {
  std::string model;
  piece("<unk>", 0, 2, &model);
  piece("<s>", 0, 3, &model);
  piece("</s>", 0, 3, &model);
  for (int b = 0; b < 256 && with_bytes; ++b) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", b);
    piece(text, 0, 6, &model);
  }
  float score = 0;
  for (const char* text : {"ab", "bc", "abc", "\u2581a", "\u2581", "a", "b", "c", "d"}) piece(text, score--, 1, &model);
  piece("xy", score, 1, &model);  // of characters that are no pieces
  std::string trainer, normalizer;
  number_field(3, 2, &trainer);
  bytes_field(2, trainer, &model);
  bytes_field(1, "identity", &normalizer);
  number_field(3, 1, &normalizer);
  number_field(4, 0, &normalizer);
  bytes_field(3, normalizer, &model);
  return model;
}

TokenizerSource read_small(std::string_view bytes, const char* file_name) {
  const auto folder = std::filesystem::temp_directory_path() / ("runnel-tokenizer-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / file_name, std::ios::binary) << bytes;
  Result<TokenizerSource> source = tokenizer_from_file(folder / file_name);
  std::filesystem::remove_all(folder);
  if (!source.ok()) throw std::runtime_error(source.status().message());
  return *std::move(source);
}

}  // namespace runnel::test
