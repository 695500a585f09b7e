#include "tools/runnel/tokenizer_input.h"

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "converters/tokenizer/tokenizer_source.h"

namespace runnel::tools {
namespace {

Result<TokenizerSource> foreign_source(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return tokenizer_from_folder(path);
  char magic[4] = {};
  if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
    const size_t got = std::fread(magic, 1, sizeof magic, file);
    std::fclose(file);
    if (got == sizeof magic && std::memcmp(magic, "GGUF", 4) == 0) {
      RUNNEL_ASSIGN(const GgufFile gguf, GgufFile::open(path.c_str()));
      return tokenizer_from_gguf(gguf);
    }
  }
  return tokenizer_from_file(path);
}

std::string token_text(const Tokenizer& tokenizer, int32_t id) {
  if (id < 0) return {};
  const Result<std::string_view> piece = tokenizer.piece(id, true);
  return piece.ok() ? std::string(*piece) : std::string();
}

}  // namespace

Status open_tokenizer(const std::string& path, TokenizerInput* out) {
  if (std::filesystem::path(path).extension() == ".rnl") {
    RUNNEL_ASSIGN(out->file, ModelFile::open(path.c_str()));
    RUNNEL_ASSIGN(const std::span<const uint8_t> tables, out->file->section("tokenizer"));
    if (tables.empty()) return Status::error(Code::unsupported, "tokenize: %s has no tokenizer", path.c_str());
    RUNNEL_ASSIGN(out->tokenizer, Tokenizer::open(tables));
    out->chat_template = std::string(out->file->chat_template());
  } else {
    RUNNEL_ASSIGN(TokenizerSource source, foreign_source(path));
    out->tables = std::move(source.tables);
    out->chat_template = std::move(source.chat_template);
    RUNNEL_ASSIGN(out->tokenizer, Tokenizer::open(out->tables));
  }
  out->bos_text = token_text(*out->tokenizer, out->tokenizer->bos_id());
  out->eos_text = token_text(*out->tokenizer, out->tokenizer->eos_id());
  return {};
}

}  // namespace runnel::tools
