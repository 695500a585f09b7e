#include "runtime/tokenizer/encoder.h"

#include "runtime/tokenizer/utf8.h"

namespace runnel {

Status Encoder::encode(std::string_view text, const EncodeOptions& options) noexcept {
  parse_special_ = options.parse_special;
  RUNNEL_TRY(matches_.prepare(parts_.patterns));
  // An estimate that spares most of the growing: English has four to five bytes a token.
  if (!ids_->reserve(ids_->size() + text.size() / 4 + 8)) return no_memory();
  if (options.add_special && !push_all(tables_.root->prefix_ids())) return std::move(status_);

  AddedTokens::Cursor cursor = {text, options.no_special_across, parse_special_};
  while (true) {
    const size_t begin = cursor.at;
    const size_t first_mark = cursor.next_mark;
    const AddedTokens::Match match = parts_.raw_added.next(&cursor);
    const size_t end = match.begin == std::string_view::npos ? text.size() : match.begin;
    if (!fragment(text.substr(begin, end - begin), cursor.marks.subspan(first_mark), begin)) return std::move(status_);
    if (match.begin == std::string_view::npos) break;
    if (!push(match.id)) return std::move(status_);
  }
  if (options.add_special && !push_all(tables_.root->suffix_ids())) return std::move(status_);
  return {};
}

bool Encoder::push_all(const flatbuffers::Vector<uint32_t>* ids) noexcept {
  for (uint32_t i = 0; ids != nullptr && i < ids->size(); ++i) {
    if (!push(ids->Get(i))) return false;
  }
  return true;
}

// Text between raw added tokens. `marks` are offsets into the whole text and reach past the fragment; `offset` is where
// the fragment begins there.
bool Encoder::fragment(std::string_view text, std::span<const uint32_t> marks, size_t offset) noexcept {
  if (text.empty()) return true;
  MarkedText marked = {text, {}};
  if (parts_.has_special_normalized && parse_special_) {
    for (const uint32_t mark : marks) {
      if (mark >= offset + text.size()) break;
      if (mark <= offset) continue;
      if (!marked.marks.push(static_cast<uint32_t>(mark - offset))) return fail(no_memory());
    }
  }
  if (Status status = normalizer_.run(tables_.root->normalizers(), offset == 0, &marked); !status.ok()) {
    return fail(std::move(status));
  }
  ++epoch_;  // words of an earlier fragment may lie in a buffer that was written anew
  if (parts_.normalized_added.empty()) return plain(marked.text, offset == 0);

  AddedTokens::Cursor cursor = {marked.text, marked.marks, parse_special_};
  while (true) {
    const size_t begin = cursor.at;
    const AddedTokens::Match match = parts_.normalized_added.next(&cursor);
    const size_t end = match.begin == std::string_view::npos ? marked.text.size() : match.begin;
    if (!plain(marked.text.substr(begin, end - begin), offset == 0 && begin == 0)) return false;
    if (match.begin == std::string_view::npos) return true;
    if (!push(match.id)) return false;
  }
}

// Text without added tokens.
bool Encoder::plain(std::string_view text, bool at_start) noexcept {
  if (text.empty()) return true;
  const auto* preparations = tables_.root->preparations();
  if (preparations != nullptr && preparations->size() != 0) {
    MarkedText prepared = {text, {}};
    if (Status status = preparer_.run(preparations, at_start, &prepared); !status.ok()) return fail(std::move(status));
    text = prepared.text;
    ++epoch_;
  }
  if (text.size() >= kSeenTextBytes && seen_.empty() && !seen_.resize(kSeenWords)) return fail(no_memory());
  if (parts_.patterns.count() == 0) return word(text);
  while (!text.empty()) {
    const size_t valid = utf8_valid_prefix(text);
    if (valid != 0 && !split(0, text.substr(0, valid))) return false;
    const size_t invalid = utf8_invalid_prefix(text.substr(valid));
    if (invalid != 0 && !word(text.substr(valid, invalid))) return false;
    text.remove_prefix(valid + invalid);
  }
  return true;
}

// Splits well-formed text by one step and hands the pieces to the next.
bool Encoder::split(uint32_t step, std::string_view text) noexcept {
  if (text.empty()) return true;
  if (step == parts_.patterns.count()) return word(text);
  const SplitBehaviour behaviour = parts_.patterns.behaviour(step);
  if (behaviour != SplitBehaviour::isolated && behaviour != SplitBehaviour::removed) return split_merged(step, text);
  const bool removed = behaviour == SplitBehaviour::removed;
  const bool drop_matches = removed && !parts_.patterns.invert(step);
  const bool drop_gaps = removed && parts_.patterns.invert(step);
  const bool last_step = step + 1 == parts_.patterns.count();
  const auto give = [&](std::string_view piece) { return last_step ? word(piece) : split(step + 1, piece); };
  for (size_t done = 0, from = 0; done < text.size();) {
    Patterns::Found found = {std::string_view::npos, std::string_view::npos};
    if (from <= text.size()) {
      Result<Patterns::Found> result = parts_.patterns.find(step, text, from, &matches_);
      if (!result.ok()) return fail(std::move(result).status());
      found = *result;
    }
    if (found.begin == std::string_view::npos) return drop_gaps || give(text.substr(done));
    if (found.begin > done && !drop_gaps && !give(text.substr(done, found.begin - done))) return false;
    if (found.end > found.begin && !drop_matches && !give(text.substr(found.begin, found.end - found.begin))) {
      return false;
    }
    done = found.end;
    from = found.end;
    // An empty match cuts, and the search goes on behind the next character.
    if (found.end == found.begin && from < text.size()) from += utf8_char_bytes(text.data() + from, text.size() - from);
  }
  return true;
}

// The behaviours that join a match with a neighbour. One piece is held back until it is known what follows it.
bool Encoder::split_merged(uint32_t step, std::string_view text) noexcept {
  const SplitBehaviour behaviour = parts_.patterns.behaviour(step);
  std::string_view held;
  bool held_match = false, has_held = false, held_joined = false;
  const auto give = [&](std::string_view piece, bool is_match) {
    bool joins = has_held;
    switch (behaviour) {
      case SplitBehaviour::merged_with_previous: joins &= is_match && !held_match; break;
      case SplitBehaviour::merged_with_next: joins &= held_match && !is_match && !held_joined; break;
      default: joins &= is_match == held_match; break;
    }
    if (joins) {
      held = {held.data(), held.size() + piece.size()};
      held_joined = true;
    } else {
      if (has_held && !split(step + 1, held)) return false;
      held = piece;
      held_joined = false;
    }
    held_match = is_match;
    has_held = true;
    return true;
  };
  const bool invert = parts_.patterns.invert(step);
  for (size_t done = 0, from = 0; done < text.size();) {
    Result<Patterns::Found> found = parts_.patterns.find(step, text, from, &matches_);
    if (!found.ok()) return fail(std::move(found).status());
    const bool none = found->begin == std::string_view::npos;
    const size_t begin = none ? text.size() : found->begin, end = none ? text.size() : found->end;
    if (begin > done && !give(text.substr(done, begin - done), invert)) return false;
    if (end > begin && !give(text.substr(begin, end - begin), !invert)) return false;
    done = from = end;
    if (end == begin && from < text.size()) from += utf8_char_bytes(text.data() + from, text.size() - from);
  }
  return !has_held || split(step + 1, held);
}

}  // namespace runnel
