#include <bit>
#include <cstring>

#include "converters/text.h"
#include "converters/tokenizer/tokenizer_model.h"

namespace runnel {
namespace {

[[gnu::format(printf, 1, 2)]] Status corrupt(const char* format, ...) {
  va_list args;
  va_start(args, format);
  Status status = Status::error_v(Code::corrupt_file, format, args);
  va_end(args);
  return std::move(status).with_context("%s", kTokenizerModel);
}

// One field of a protobuf message: a number (varint or fixed) or bytes.
struct Field {
  uint32_t number = 0;
  uint64_t value = 0;
  std::span<const uint8_t> bytes;
  bool is_bytes = false;
};

// Walks a message. Nothing is copied; every length is checked against what is left.
class Message {
 public:
  explicit Message(std::span<const uint8_t> bytes) : left_(bytes) {}

  // False at the end of the message and on a malformed one; is_whole() tells which.
  bool next(Field* field) {
    uint64_t key = 0;
    if (left_.empty() || broken_) return false;
    broken_ = !varint(&key) || (key >> 3) == 0 || (key >> 3) > UINT32_MAX;
    if (broken_) return false;
    *field = {static_cast<uint32_t>(key >> 3), 0, {}, false};
    switch (key & 7) {
      case 0: broken_ = !varint(&field->value); break;
      case 1: broken_ = !fixed(8, &field->value); break;
      case 2: {
        uint64_t length = 0;
        field->is_bytes = true;
        broken_ = !varint(&length) || length > left_.size();
        if (broken_) return false;
        field->bytes = left_.first(length);
        left_ = left_.subspan(length);
        break;
      }
      case 5: broken_ = !fixed(4, &field->value); break;
      default: broken_ = true;
    }
    return !broken_;
  }
  bool is_whole() const { return !broken_; }

 private:
  bool varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) return false;
      const uint8_t byte = left_[0];
      left_ = left_.subspan(1);
      *value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool fixed(size_t bytes, uint64_t* value) {
    if (left_.size() < bytes) return false;
    *value = 0;
    for (size_t i = 0; i < bytes; ++i) *value |= uint64_t{left_[i]} << (8 * i);
    left_ = left_.subspan(bytes);
    return true;
  }

  std::span<const uint8_t> left_;
  bool broken_ = false;
};

std::string text_of(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

class Reader {
 public:
  Result<TokenizerSpec> read(std::span<const uint8_t> bytes) {
    Message model(bytes);
    for (Field field; model.next(&field);) {
      if (!field.is_bytes) continue;
      if (field.number == 1) RUNNEL_TRY(read_piece(field.bytes));
      if (field.number == 2) RUNNEL_TRY(read_trainer(field.bytes));
      if (field.number == 3) RUNNEL_TRY(read_normalizer(field.bytes));
    }
    if (!model.is_whole()) return corrupt("malformed behind %zu pieces", spec_.tokens.size());
    if (spec_.tokens.empty()) return corrupt("it holds no pieces");
    constexpr const char* kTypes[] = {"0", "unigram", "bpe", "word", "char"};
    if (model_type_ != 2) {
      return Status::error(Code::unsupported, "%s: a SentencePiece model of type %s is not supported, only bpe",
                           kTokenizerModel, model_type_ < 5 ? kTypes[model_type_] : "unknown");
    }
    return finish();
  }

 private:
  Status read_piece(std::span<const uint8_t> bytes) {
    const size_t id = spec_.tokens.size();
    if (id >= (1u << 24)) return corrupt("more than %zu pieces", id);
    Message piece(bytes);
    uint64_t kind = 1;
    float score = 0;
    SpecToken token;
    for (Field field; piece.next(&field);) {
      if (field.number == 1 && field.is_bytes) token.text = text_of(field.bytes);
      if (field.number == 2 && !field.is_bytes) score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
      if (field.number == 3 && !field.is_bytes) kind = field.value;
    }
    if (!piece.is_whole()) return corrupt("piece %zu is malformed", id);
    if (kind < 1 || kind > 6) return corrupt("piece %zu has type %llu", id, static_cast<unsigned long long>(kind));
    token.kind = static_cast<TokenKind>(kind);  // GGUF took SentencePiece's numbers
    token.bytes = token.text;
    switch (token.kind) {
      case TokenKind::byte: {
        const int value = byte_token_value(token.text);
        if (value < 0) return corrupt("byte piece %zu is %s", id, in_quotes(token.text).c_str());
        token.bytes = static_cast<char>(value);
        spec_.byte_ids[static_cast<size_t>(value)] = static_cast<int32_t>(id);
        break;
      }
      case TokenKind::unknown: spec_.unk_id = static_cast<int32_t>(id); break;
      case TokenKind::control: break;
      default: token.bytes = replace_all(token.text, kSpaceMark, " ");
    }
    spec_.tokens.push_back(std::move(token));
    scores_.push_back(score);
    return {};
  }

  Status read_trainer(std::span<const uint8_t> bytes) {
    Message trainer(bytes);
    for (Field field; trainer.next(&field);) {
      if (field.is_bytes) continue;
      if (field.number == 3) model_type_ = field.value;
      if (field.number == 24 && field.value != 0) {
        return Status::error(Code::unsupported, "%s: white space as a suffix is not supported", kTokenizerModel);
      }
      if (field.number == 41) bos_id_ = field.value;
      if (field.number == 42) eos_id_ = field.value;
    }
    return trainer.is_whole() ? Status() : corrupt("the trainer's settings are malformed");
  }

  Status read_normalizer(std::span<const uint8_t> bytes) {
    Message normalizer(bytes);
    std::string name;
    for (Field field; normalizer.next(&field);) {
      if (field.number == 1 && field.is_bytes) name = text_of(field.bytes);
      if (field.number == 2 && field.is_bytes && !field.bytes.empty()) {
        return Status::error(Code::unsupported, "%s: normalization %s by a table of characters is not supported",
                             kTokenizerModel, in_quotes(name).c_str());
      }
      if (field.number == 3 && !field.is_bytes) add_prefix_ = field.value != 0;
      if (field.number == 4 && !field.is_bytes) trims_ = field.value != 0;
      if (field.number == 5 && !field.is_bytes) escapes_ = field.value != 0;
    }
    return normalizer.is_whole() ? Status() : corrupt("the normalizer's settings are malformed");
  }

  Result<TokenizerSpec> finish() {
    spec_.kind = TokenizerKind::char_bpe;
    spec_.fuse_unknown = true;
    if (trims_) spec_.normalizers.push_back({NormalizeKind::trim_spaces, "", ""});
    const std::string mark(escapes_ ? kSpaceMark : " ");
    if (add_prefix_) {
      spec_.normalizers.push_back({NormalizeKind::prepend, "", mark});
      spec_.strip_spaces = 1;
    }
    if (escapes_) spec_.normalizers.push_back({NormalizeKind::replace, " ", mark});
    const auto in_vocabulary = [&](uint64_t id) {
      return id < spec_.tokens.size() && spec_.tokens[id].kind == TokenKind::control ? static_cast<int32_t>(id) : -1;
    };
    spec_.bos_id = in_vocabulary(bos_id_);
    spec_.eos_id = in_vocabulary(eos_id_);
    for (uint32_t id = 0; id < spec_.tokens.size(); ++id) {
      const SpecToken& token = spec_.tokens[id];
      if (token.text.empty()) continue;
      if (token.kind == TokenKind::control || token.kind == TokenKind::unknown) {
        spec_.added.push_back({id, token.text, kAddedSpecial, false, false});
      } else if (token.kind == TokenKind::user_defined) {
        spec_.added.push_back({id, token.text, 0, true, true});
      }
    }
    RUNNEL_TRY(add_score_merges(scores_, kTokenizerModel, &spec_));
    return std::move(spec_);
  }

  TokenizerSpec spec_;
  std::vector<float> scores_;
  uint64_t model_type_ = 1, bos_id_ = 1, eos_id_ = 2;
  bool add_prefix_ = true, trims_ = true, escapes_ = true;  // the format's defaults
};

}  // namespace

Result<TokenizerSpec> read_sentencepiece(std::span<const uint8_t> bytes) { return Reader().read(bytes); }

}  // namespace runnel
