#include "runtime/tokenizer/tokenizer.h"

#include "kernels/base/memory.h"
#include "runtime/tokenizer/encoder.h"

namespace runnel {

struct Tokenizer::Impl : TokenizerParts {};

Result<Tokenizer> Tokenizer::open(std::span<const uint8_t> tables) noexcept {
  Result<TokenizerTables> verified = TokenizerTables::open(tables);
  if (!verified.ok()) return std::move(verified).status();
  void* memory = allocate(sizeof(Impl), alignof(Impl));
  if (memory == nullptr) return out_of_memory("tokenizer", "itself");
  Tokenizer tokenizer(new (memory) Impl);
  Impl& impl = *tokenizer.impl_;
  impl.tables = *verified;
  impl.raw_added = AddedTokens(&impl.tables, impl.tables.raw_trie);
  impl.normalized_added = AddedTokens(&impl.tables, impl.tables.normalized_trie);
  impl.has_special_normalized = impl.normalized_added.has_special();
  RUNNEL_TRY(impl.patterns.compile(impl.tables.root->splits()));
  return tokenizer;
}

Tokenizer::Tokenizer(Tokenizer&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}

Tokenizer& Tokenizer::operator=(Tokenizer&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Tokenizer::~Tokenizer() {
  if (impl_ == nullptr) return;
  impl_->~Impl();
  release(impl_);
}

Status Tokenizer::encode(std::string_view text, const EncodeOptions& options, Array<int32_t>* ids) const noexcept {
  if (text.size() > INT32_MAX) {
    return Status::error(Code::invalid_argument, "tokenizer: the text has %zu bytes, at most %d can be encoded",
                         text.size(), INT32_MAX);
  }
  return Encoder(*impl_, ids).encode(text, options);
}

Result<std::string_view> Tokenizer::piece(int32_t id, bool special) const noexcept {
  const TokenizerTables& tables = impl_->tables;
  if (id < 0 || static_cast<uint32_t>(id) >= tables.vocab_size) {
    return Status::error(Code::invalid_argument, "tokenizer: id %d is not one of %u tokens", id, tables.vocab_size);
  }
  const auto token = static_cast<uint32_t>(id);
  return !special && tables.is_hidden(token) ? std::string_view{} : tables.piece(token);
}

Status Tokenizer::decode(std::span<const int32_t> ids, bool special, Array<char>* text) const noexcept {
  const TokenizerTables& tables = impl_->tables;
  uint32_t to_strip = tables.strip_spaces;
  for (const int32_t id : ids) {
    RUNNEL_ASSIGN(std::string_view bytes, piece(id, special));
    // Control tokens before the text do not count as its beginning.
    while (to_strip > 0 && !bytes.empty() && !tables.is_hidden(static_cast<uint32_t>(id))) {
      if (bytes[0] != ' ') {
        to_strip = 0;
      } else {
        bytes.remove_prefix(1);
        --to_strip;
      }
    }
    if (!text->append({bytes.data(), bytes.size()})) return out_of_memory("tokenizer", "the decoded text");
  }
  return {};
}

uint32_t Tokenizer::vocab_size() const noexcept { return impl_->tables.vocab_size; }
int32_t Tokenizer::bos_id() const noexcept { return impl_->tables.bos_id; }
int32_t Tokenizer::eos_id() const noexcept { return impl_->tables.eos_id; }

int32_t Tokenizer::find(std::string_view piece) const noexcept {
  const uint32_t symbol = impl_->tables.find_text(piece);
  return symbol < impl_->tables.vocab_size ? static_cast<int32_t>(symbol) : -1;
}

bool Tokenizer::is_control(int32_t id) const noexcept {
  return id >= 0 && static_cast<uint32_t>(id) < impl_->tables.vocab_size &&
         impl_->tables.is_hidden(static_cast<uint32_t>(id));
}

bool Tokenizer::adds_bos() const noexcept {
  const auto* ids = impl_->tables.root->prefix_ids();
  return ids != nullptr && ids->size() != 0;
}

bool Tokenizer::adds_eos() const noexcept {
  const auto* ids = impl_->tables.root->suffix_ids();
  return ids != nullptr && ids->size() != 0;
}

}  // namespace runnel
