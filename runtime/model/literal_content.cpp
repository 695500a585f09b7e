#include "runtime/model/literal_content.h"

#include <algorithm>
#include <cstring>

namespace runnel {
namespace {

constexpr uint32_t kFirstMark = 0xfdd0;
constexpr uint32_t kMarkCount = 32;

// UTF-8 of a scalar value; surrogates that stand alone are encoded as they are, since they are only compared.
uint32_t encode_utf8(uint32_t code, char* out) noexcept {
  const auto put = [&](int i, uint32_t byte) { out[i] = static_cast<char>(byte); };
  if (code < 0x80) {
    put(0, code);
    return 1;
  }
  if (code < 0x800) {
    put(0, 0xc0 | code >> 6);
    put(1, 0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    put(0, 0xe0 | code >> 12);
    put(1, 0x80 | (code >> 6 & 0x3f));
    put(2, 0x80 | (code & 0x3f));
    return 3;
  }
  put(0, 0xf0 | code >> 18);
  put(1, 0x80 | (code >> 12 & 0x3f));
  put(2, 0x80 | (code >> 6 & 0x3f));
  put(3, 0x80 | (code & 0x3f));
  return 4;
}

bool parse_hex4(std::string_view text, size_t at, uint32_t* code) noexcept {
  if (text.size() - at < 4) return false;
  *code = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    const uint32_t digit = c >= '0' && c <= '9'   ? static_cast<uint32_t>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<uint32_t>(c - 'a') + 10
                           : c >= 'A' && c <= 'F' ? static_cast<uint32_t>(c - 'A') + 10
                                                  : 16;
    if (digit == 16) return false;
    *code = *code << 4 | digit;
  }
  return true;
}

// One character of a JSON string as written and as meant.
struct StringUnit {
  size_t written = 0;  // bytes of source
  char meant[4] = {};
  uint32_t meant_bytes = 0;
};

// The unit at text[at], inside a string. An escape that JSON does not know stands for itself.
StringUnit read_unit(std::string_view text, size_t at) noexcept {
  StringUnit unit;
  const auto single = [&](char c, size_t written) {
    unit.written = written;
    unit.meant[0] = c;
    unit.meant_bytes = 1;
    return unit;
  };
  if (text[at] != '\\' || at + 1 == text.size()) return single(text[at], 1);
  switch (text[at + 1]) {
    case 'b': return single('\b', 2);
    case 'f': return single('\f', 2);
    case 'n': return single('\n', 2);
    case 'r': return single('\r', 2);
    case 't': return single('\t', 2);
    case 'u': break;
    default: return single(text[at + 1], 2);
  }
  uint32_t code = 0, low = 0;
  if (!parse_hex4(text, at + 2, &code)) return single('u', 2);
  unit.written = 6;
  if (code >= 0xd800 && code < 0xdc00 && text.size() - at >= 12 && text[at + 6] == '\\' && text[at + 7] == 'u' &&
      parse_hex4(text, at + 8, &low) && low >= 0xdc00 && low < 0xe000) {
    code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
    unit.written = 12;
  }
  unit.meant_bytes = encode_utf8(code, unit.meant);
  return unit;
}

// A JSON string in both forms: what it means, and where in the source each of those bytes comes from.
struct DecodedString {
  Array<char> meant;
  Array<uint32_t> source;  // per byte: offset of its unit's end in the JSON text

  Status read(std::string_view json, size_t begin, size_t* end) noexcept {
    meant.clear();
    source.clear();
    size_t at = begin;
    while (at < json.size() && json[at] != '"') {
      const StringUnit unit = read_unit(json, at);
      at += unit.written;
      if (!meant.append({unit.meant, unit.meant_bytes})) return out_of_memory("chat", "a message");
      for (uint32_t i = 0; i < unit.meant_bytes; ++i) {
        if (!source.push(static_cast<uint32_t>(at))) return out_of_memory("chat", "a message");
      }
    }
    *end = at;
    return {};
  }
};

// The control tokens' texts, found by their first byte.
class ControlTexts {
 public:
  Status init(const Tokenizer& tokenizer, std::span<const int32_t> ids) noexcept {
    for (const int32_t id : ids) {
      RUNNEL_ASSIGN(const std::string_view text, tokenizer.piece(id, true));
      if (text.size() < 2) continue;  // nothing to break
      if (!texts_.push(text)) return out_of_memory("chat", "the list of control tokens");
    }
    std::sort(texts_.begin(), texts_.end());
    for (size_t i = texts_.size(); i > 0; --i)
      first_[static_cast<uint8_t>(texts_[i - 1][0])] = static_cast<uint32_t>(i);
    return {};
  }
  bool starts_at(std::string_view text, size_t at) const noexcept {
    const uint32_t first = first_[static_cast<uint8_t>(text[at])];
    if (first == 0) return false;
    const std::string_view rest = text.substr(at);
    for (size_t i = first - 1; i < texts_.size() && texts_[i][0] == rest[0]; ++i) {
      if (rest.starts_with(texts_[i])) return true;
    }
    return false;
  }

 private:
  Array<std::string_view> texts_;  // sorted
  uint32_t first_[256] = {};       // index + 1 of the first text that begins with this byte; 0: none
};

// Calls visit(begin of the string's content) for each JSON string and goes on at what it returns (its end).
template <class Visit>
Status for_each_string(std::string_view json, Visit visit) noexcept {
  for (size_t at = 0; at < json.size(); ++at) {
    if (json[at] != '"') continue;
    RUNNEL_TRY(visit(at + 1, &at));
  }
  return {};
}

// A noncharacter that no string of the messages has, escaped or not.
Status choose_mark(std::string_view json, DecodedString* string, char (&mark)[3]) noexcept {
  uint32_t used = 0;
  RUNNEL_TRY(for_each_string(json, [&](size_t begin, size_t* end) {
    RUNNEL_TRY(string->read(json, begin, end));
    const std::string_view meant(string->meant.data(), string->meant.size());
    for (size_t i = meant.find('\xef'); i != std::string_view::npos && meant.size() - i >= 3;
         i = meant.find('\xef', i + 1)) {
      for (uint32_t m = 0; m < kMarkCount; ++m) {
        (void)encode_utf8(kFirstMark + m, mark);
        if (std::memcmp(meant.data() + i, mark, 3) == 0) used |= 1u << m;
      }
    }
    return Status();
  }));
  if (used == UINT32_MAX)
    return Status::error(Code::invalid_argument,
                         "chat: the messages use every one of U+FDD0 to U+FDEF, which are not characters");
  (void)encode_utf8(kFirstMark + static_cast<uint32_t>(__builtin_ctz(~used)), mark);
  return {};
}

}  // namespace

Status mark_control_text(std::string_view json, const Tokenizer& tokenizer, std::span<const int32_t> control_ids,
                         MarkedJson* out) noexcept {
  if (json.size() > INT32_MAX)
    return Status::error(Code::invalid_argument, "chat: messages of %zu bytes, at most 2^31 - 1 are read", json.size());
  ControlTexts controls;
  RUNNEL_TRY(controls.init(tokenizer, control_ids));
  DecodedString string;
  RUNNEL_TRY(choose_mark(json, &string, out->mark));
  size_t copied = 0;
  const auto copy_to = [&](size_t end) {
    const bool ok = out->json.append({json.data() + copied, end - copied});
    copied = end;
    return ok;
  };
  RUNNEL_TRY(for_each_string(json, [&](size_t begin, size_t* end) {
    RUNNEL_TRY(string.read(json, begin, end));
    const std::string_view meant(string.meant.data(), string.meant.size());
    for (size_t i = 0; i < meant.size(); ++i) {
      if (!controls.starts_at(meant, i)) continue;
      // After the whole first character: a mark inside one would not be UTF-8.
      size_t last = i;
      while (last + 1 < meant.size() && (static_cast<uint8_t>(meant[last + 1]) & 0xc0) == 0x80) ++last;
      if (!copy_to(string.source[last]) || !out->json.append({out->mark, 3}))
        return out_of_memory("chat", "the marked messages");
    }
    return Status();
  }));
  return copy_to(json.size()) ? Status() : out_of_memory("chat", "the marked messages");
}

Status take_marks(const char (&mark)[3], Array<char>* text, Array<uint32_t>* offsets) noexcept {
  size_t kept = 0;
  for (size_t i = 0; i < text->size();) {
    if (text->size() - i >= 3 && std::memcmp(text->data() + i, mark, 3) == 0) {
      if (!offsets->push(static_cast<uint32_t>(kept))) return out_of_memory("chat", "the places of control text");
      i += 3;
    } else {
      (*text)[kept++] = (*text)[i++];
    }
  }
  text->truncate(kept);
  return {};
}

}  // namespace runnel
