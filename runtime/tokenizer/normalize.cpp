#include "runtime/tokenizer/normalize.h"

#include <utf8proc.h>

#include <algorithm>

#include "runtime/tokenizer/utf8.h"

namespace runnel {
namespace {

Status no_memory() noexcept { return out_of_memory("tokenizer", "the normalized text"); }

bool append(Array<char>* out, std::string_view text) noexcept { return out->append({text.data(), text.size()}); }

std::string_view as_view(const Array<char>& text) noexcept { return {text.data(), text.size()}; }

std::string_view as_view(const flatbuffers::String* text) noexcept { return {text->c_str(), text->size()}; }

// Every character below U+0300 is its own NFC; the other forms change some from U+00A0 on.
bool is_unchanged(std::string_view text, NormalizeKind form) noexcept {
  const uint8_t first_changed = form == NormalizeKind::nfc ? 0xcc : 0xc2;
  for (const char c : text) {
    if (static_cast<uint8_t>(c) >= first_changed) return false;
  }
  return true;
}

int combining_class(int32_t code_point) noexcept { return utf8proc_get_property(code_point)->combining_class; }

// Canonical ordering: each run of combining characters, stably, by class. Counting keeps a long run linear, where the
// usual exchange sort would be quadratic.
Status order_canonically(Array<int32_t>* text, Array<int32_t>* scratch) noexcept {
  for (size_t begin = 0; begin < text->size();) {
    if (combining_class((*text)[begin]) == 0) {
      ++begin;
      continue;
    }
    size_t end = begin;
    bool sorted = true;
    int last = 0;
    uint32_t places[257] = {};
    for (int c; end < text->size() && (c = combining_class((*text)[end])) != 0; ++end) {
      sorted &= last <= c;
      last = c;
      ++places[c + 1];
    }
    if (!sorted) {
      if (!scratch->resize(end - begin)) return no_memory();
      for (int c = 1; c <= 256; ++c) places[c] += places[c - 1];
      for (size_t i = begin; i < end; ++i) (*scratch)[places[combining_class((*text)[i])]++] = (*text)[i];
      std::memcpy(text->data() + begin, scratch->data(), (end - begin) * sizeof(int32_t));
    }
    begin = end;
  }
  return {};
}

}  // namespace

Status Normalizer::run(const NormalizeSteps* steps, bool at_start, MarkedText* in) noexcept {
  if (steps == nullptr) return {};
  for (const fb::NormalizeStep* step : *steps) {
    const auto kind = static_cast<NormalizeKind>(step->kind());
    const std::string_view to = step->to() == nullptr ? std::string_view{} : as_view(step->to());
    switch (kind) {
      case NormalizeKind::prepend: RUNNEL_TRY(prepend(to, in)); break;
      case NormalizeKind::prepend_first:
        if (!at_start) break;
        [[fallthrough]];
      case NormalizeKind::prepend_missing:
        if (in->text.substr(0, to.size()) != to) RUNNEL_TRY(prepend(to, in));
        break;
      case NormalizeKind::replace: RUNNEL_TRY(replace(as_view(step->from()), to, in)); break;
      case NormalizeKind::trim_spaces: RUNNEL_TRY(trim_spaces(in)); break;
      case NormalizeKind::nfc:
      case NormalizeKind::nfd:
      case NormalizeKind::nfkc:
      case NormalizeKind::nfkd: RUNNEL_TRY(unicode_form(kind, in)); break;
    }
    if (in->text.size() > INT32_MAX) {
      return Status::error(Code::invalid_argument,
                           "tokenizer: the normalized text has %zu bytes, at most %d can be encoded", in->text.size(),
                           INT32_MAX);
    }
  }
  return {};
}

Status Normalizer::prepend(std::string_view to, MarkedText* in) noexcept {
  if (in->text.empty() || to.empty()) return {};
  Array<char>* out = next_buffer();
  if (!out->reserve(to.size() + in->text.size()) || !append(out, to) || !append(out, in->text)) return no_memory();
  in->text = as_view(*out);
  for (uint32_t& mark : in->marks) mark += static_cast<uint32_t>(to.size());
  return {};
}

Status Normalizer::replace(std::string_view from, std::string_view to, MarkedText* in) noexcept {
  size_t found = in->text.find(from);
  if (found == std::string_view::npos) return {};
  Array<char>* out = next_buffer();
  if (!out->reserve(in->text.size() + in->text.size() / 4 + to.size())) return no_memory();
  size_t done = 0, mark = 0;
  const auto move_marks = [&](size_t up_to) {  // of the text copied as it is
    for (; mark < in->marks.size() && in->marks[mark] <= up_to; ++mark) {
      const size_t moved = in->marks[mark] + (out->size() - done);
      in->marks[mark] = static_cast<uint32_t>(in->marks[mark] < done ? out->size() : moved);
    }
  };
  while (true) {
    const size_t end = found == std::string_view::npos ? in->text.size() : found;
    move_marks(end);
    if (!append(out, in->text.substr(done, end - done))) return no_memory();
    if (found == std::string_view::npos) break;
    if (!append(out, to)) return no_memory();
    if (out->size() > INT32_MAX) break;  // reported by run()
    done = found + from.size();
    found = in->text.find(from, done);
  }
  in->text = as_view(*out);
  return {};
}

Status Normalizer::trim_spaces(MarkedText* in) noexcept {
  Array<char>* out = next_buffer();
  if (!out->reserve(in->text.size())) return no_memory();
  size_t mark = 0;
  for (size_t at = 0; at < in->text.size(); ++at) {
    while (mark < in->marks.size() && in->marks[mark] <= at) in->marks[mark++] = static_cast<uint32_t>(out->size());
    const bool is_extra = in->text[at] == ' ' && (out->empty() || out->back() == ' ');
    if (!is_extra && !out->push(in->text[at])) return no_memory();
  }
  if (!out->empty() && out->back() == ' ') out->truncate(out->size() - 1);
  for (; mark < in->marks.size(); ++mark) in->marks[mark] = static_cast<uint32_t>(out->size());
  for (uint32_t& moved : in->marks) moved = std::min(moved, static_cast<uint32_t>(out->size()));
  in->text = as_view(*out);
  return {};
}

Status Normalizer::unicode_form(NormalizeKind form, MarkedText* in) noexcept {
  if (is_unchanged(in->text, form)) return {};
  Array<char>* out = next_buffer();
  if (!out->reserve(in->text.size() + in->text.size() / 8)) return no_memory();
  // Marks cut the text into runs that are rewritten by themselves, so that each mark stays between the same characters.
  size_t done = 0, mark = 0;
  while (done < in->text.size()) {
    while (mark < in->marks.size() && in->marks[mark] <= done) in->marks[mark++] = static_cast<uint32_t>(out->size());
    const size_t end = mark < in->marks.size() && in->marks[mark] < in->text.size() ? in->marks[mark] : in->text.size();
    const std::string_view run = in->text.substr(done, end - done);
    const size_t valid = utf8_valid_prefix(run);
    if (valid != 0) RUNNEL_TRY(unicode_run(run.substr(0, valid), form, out));
    const size_t invalid = utf8_invalid_prefix(run.substr(valid));
    if (!append(out, run.substr(valid, invalid))) return no_memory();
    done += valid + invalid;
  }
  for (; mark < in->marks.size(); ++mark) in->marks[mark] = static_cast<uint32_t>(out->size());
  in->text = as_view(*out);
  return {};
}

Status Normalizer::unicode_run(std::string_view run, NormalizeKind form, Array<char>* out) noexcept {
  const bool compatible = form == NormalizeKind::nfkc || form == NormalizeKind::nfkd;
  const bool composed = form == NormalizeKind::nfc || form == NormalizeKind::nfkc;
  const int decompose = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
  code_points_.clear();
  for (size_t at = 0; at < run.size();) {
    const size_t bytes = utf8_char_bytes(run.data() + at, run.size() - at);
    const auto c = static_cast<utf8proc_int32_t>(utf8_code_point(run.data() + at, bytes));
    at += bytes;
    utf8proc_int32_t parts[32];  // the longest decomposition has 18
    int boundary = 0;
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(c, parts, 32, static_cast<utf8proc_option_t>(decompose), &boundary);
    if (count < 0 || count > 32) return Status::error(Code::internal, "tokenizer: U+%04X does not decompose", c);
    if (!code_points_.append({parts, static_cast<size_t>(count)})) return no_memory();
  }
  RUNNEL_TRY(order_canonically(&code_points_, &reordered_));
  auto count = static_cast<utf8proc_ssize_t>(code_points_.size());
  if (composed) {
    count = utf8proc_normalize_utf32(code_points_.data(), count,
                                     static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (count < 0) return Status::error(Code::internal, "tokenizer: composition of a text failed");
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t written = utf8proc_encode_char(code_points_[static_cast<size_t>(i)], bytes);
    if (!append(out, {reinterpret_cast<const char*>(bytes), static_cast<size_t>(written)})) return no_memory();
  }
  return {};
}

}  // namespace runnel
