#include <bit>
#include <deque>
#include <map>

#include "converters/text.h"
#include "converters/tokenizer/tokenizer_spec.h"
#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/normalize.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/utf8.h"

namespace runnel {
namespace {

constexpr uint64_t kMostBytes = 1u << 30;

struct TrieBuild {
  std::map<uint8_t, size_t> children;
  int32_t added = -1;
};

// The first of equal texts wins.
class TrieBuilder {
 public:
  void add(std::string_view text, int32_t added) {
    size_t node = 0;
    for (const char c : text) {
      const auto [found, is_new] = nodes_[node].children.emplace(static_cast<uint8_t>(c), nodes_.size());
      node = found->second;
      if (is_new) nodes_.emplace_back();
    }
    if (node != 0 && nodes_[node].added < 0) nodes_[node].added = added;
  }
  std::vector<fb::TrieNode> breadth_first() const {
    std::vector<fb::TrieNode> out;
    std::deque<std::pair<size_t, uint8_t>> queue = {{0, 0}};
    size_t next = 1;
    while (!queue.empty()) {
      const auto [index, byte] = queue.front();
      queue.pop_front();
      const TrieBuild& node = nodes_[index];
      out.emplace_back(static_cast<uint32_t>(next), node.added, static_cast<uint16_t>(node.children.size()), byte,
                       uint8_t{0});
      next += node.children.size();
      for (const auto& [child_byte, child] : node.children) queue.emplace_back(child, child_byte);
    }
    return out;
  }

 private:
  std::vector<TrieBuild> nodes_ = std::vector<TrieBuild>(1);
};

const std::string& text_of(const TokenizerSpec& spec, uint32_t symbol) {
  return symbol < spec.tokens.size() ? spec.tokens[symbol].text : spec.phantoms[symbol - spec.tokens.size()];
}

// Room for a load of two thirds.
uint32_t slot_count(size_t entries) { return static_cast<uint32_t>(std::bit_ceil(entries + entries / 2 + 2)); }

class Writer {
 public:
  Writer(const TokenizerSpec& spec, const char* who) : spec_(spec), who_(who) {}

  Result<std::vector<uint8_t>> write() {
    RUNNEL_TRY(check());
    RUNNEL_TRY(hash_texts());
    RUNNEL_TRY(hash_merges());
    RUNNEL_TRY(build_tries());
    std::vector<uint8_t> attributes;
    for (const SpecToken& token : spec_.tokens) attributes.push_back(static_cast<uint8_t>(token.kind));
    attributes.resize(symbols_, static_cast<uint8_t>(TokenKind::unused));
    std::vector<uint8_t> bytes = finish(attributes);
    RUNNEL_TRY(mark_whole_words(bytes, &attributes));
    bytes = finish(attributes);
    Result<Tokenizer> opened = Tokenizer::open(bytes);
    if (!opened.ok()) return std::move(opened).status().with_context("%s", who_);
    return bytes;
  }

 private:
  [[gnu::format(printf, 2, 3)]] Status corrupt(const char* format, ...) const {
    va_list args;
    va_start(args, format);
    Status status = Status::error_v(Code::corrupt_file, format, args);
    va_end(args);
    return std::move(status).with_context("%s", who_);
  }

  Status check() {
    symbols_ = static_cast<uint32_t>(spec_.tokens.size() + spec_.phantoms.size());
    if (spec_.tokens.empty()) return corrupt("no tokens");
    uint64_t bytes = 64 * (spec_.tokens.size() + spec_.phantoms.size()) + 48 * spec_.merges.size();
    for (const SpecToken& token : spec_.tokens) bytes += token.text.size() + token.bytes.size();
    for (const std::string& text : spec_.phantoms) bytes += text.size();
    for (const SpecAdded& added : spec_.added) bytes += 16 * added.text.size();
    if (bytes > kMostBytes) return corrupt("%llu bytes of tables", static_cast<unsigned long long>(bytes));
    for (const SpecAdded& added : spec_.added) {
      if (added.id >= spec_.tokens.size()) return corrupt("added token %u of %zu", added.id, spec_.tokens.size());
    }
    return {};
  }

  Status hash_texts() {
    const auto index = index_texts(spec_);
    text_slots_.assign(slot_count(index.size()), fb::TextSlot(kNoSymbol, 0));
    const uint32_t mask = static_cast<uint32_t>(text_slots_.size()) - 1;
    for (uint32_t symbol = 0; symbol < symbols_; ++symbol) {
      const std::string& text = text_of(spec_, symbol);
      const auto found = index.find(text);
      if (found == index.end() || found->second != symbol) continue;
      const uint64_t hash = text_hash(text.data(), text.size());
      uint32_t at = static_cast<uint32_t>(hash) & mask;
      for (uint32_t probes = 0; text_slots_[at].id() != kNoSymbol; at = (at + 1) & mask) {
        if (++probes >= kMaxProbes) return corrupt("too many tokens share a hash");
      }
      text_slots_[at] = fb::TextSlot(symbol, static_cast<uint32_t>(hash >> 32));
    }
    return {};
  }

  Status hash_merges() {
    merge_slots_.assign(slot_count(spec_.merges.size()), fb::MergeSlot(kNoSymbol, 0, 0, 0));
    const uint32_t mask = static_cast<uint32_t>(merge_slots_.size()) - 1;
    const int shift = 64 - std::countr_zero(merge_slots_.size());
    crosses_spaces_ = false;
    for (const SpecMerge& m : spec_.merges) {
      auto at = static_cast<uint32_t>(merge_hash(m.left, m.right) >> shift);
      bool is_known = false;
      for (uint32_t probes = 0; merge_slots_[at].left() != kNoSymbol; at = (at + 1) & mask) {
        is_known = merge_slots_[at].left() == m.left && merge_slots_[at].right() == m.right;
        if (is_known) break;
        if (++probes >= kMaxProbes) return corrupt("too many merges share a hash");
      }
      if (is_known) continue;  // the first of equal pairs has the better rank
      merge_slots_[at] = fb::MergeSlot(m.left, m.right, m.rank, m.result);
      const std::string_view left = text_of(spec_, m.left), right = text_of(spec_, m.right);
      crosses_spaces_ |= right.starts_with(kSpaceMark) && !left.ends_with(kSpaceMark);
    }
    return {};
  }

  // The text that an added token is matched by after normalization.
  Result<std::string> normalized(const std::string& text, const fb::TokenizerTables& steps) const {
    MarkedText marked = {text, {}};
    Normalizer normalizer;
    RUNNEL_TRY(normalizer.run(steps.normalizers(), true, &marked));
    return std::string(marked.text);
  }

  Status build_tries() {
    const std::vector<uint8_t> steps = finish(std::vector<uint8_t>(symbols_));
    const fb::TokenizerTables& root = *fb::GetTokenizerTables(steps.data());
    TrieBuilder raw, after;
    for (size_t i = 0; i < spec_.added.size(); ++i) {
      const SpecAdded& added = spec_.added[i];
      if (!added.normalized) {
        raw.add(added.text, static_cast<int32_t>(i));
        continue;
      }
      std::string text = added.text;
      if (!added.literal) {
        RUNNEL_ASSIGN(text, normalized(added.text, root));
      }
      after.add(text, static_cast<int32_t>(i));
    }
    raw_trie_ = raw.breadth_first();
    normalized_trie_ = after.breadth_first();
    return {};
  }

  // A token may stand for its own text as a word when merging that text ends in it alone.
  Status mark_whole_words(const std::vector<uint8_t>& bytes, std::vector<uint8_t>* attributes) const {
    Result<TokenizerTables> opened = TokenizerTables::open(bytes);
    if (!opened.ok()) return std::move(opened).status().with_context("%s", who_);
    const TokenizerTables& tables = *opened;
    MergeScratch scratch;
    Array<uint32_t> symbols;
    for (uint32_t id = 0; id < tables.vocab_size; ++id) {
      const std::string_view text = tables.text(id);
      const TokenKind kind = tables.kind_of(id);
      const bool is_plain = kind == TokenKind::normal || kind == TokenKind::user_defined || kind == TokenKind::unused;
      if (text.empty() || !is_plain || tables.find_text(text) != id) continue;
      bool whole = spec_.ignore_merges;
      if (!whole && split_into_symbols(tables, text, &symbols)) {
        RUNNEL_TRY(merge_symbols(tables, &scratch, &symbols));
        whole = symbols.size() == 1 && symbols[0] == id;
      }
      if (whole) (*attributes)[id] |= kWholeWord;
    }
    return {};
  }

  static bool split_into_symbols(const TokenizerTables& tables, std::string_view text, Array<uint32_t>* symbols) {
    symbols->clear();
    for (size_t at = 0; at < text.size();) {
      uint32_t symbol = kNoSymbol;
      if (tables.kind == TokenizerKind::byte_bpe) {
        symbol = static_cast<uint32_t>(tables.byte_ids[static_cast<uint8_t>(text[at++])]);
      } else {
        const size_t length = std::max<size_t>(1, utf8_char_bytes(text.data() + at, text.size() - at));
        symbol = tables.find_text(text.substr(at, length));
        if (symbol != kNoSymbol && tables.is_hidden(symbol)) return false;
        at += length;
      }
      if (symbol == kNoSymbol) return false;
      if (!symbols->push(symbol)) throw std::bad_alloc();
    }
    return true;
  }

  std::vector<uint8_t> finish(const std::vector<uint8_t>& attributes) const {
    flatbuffers::FlatBufferBuilder builder(1 << 20);
    std::vector<uint32_t> piece_offsets = {0}, text_offsets = {0};
    std::vector<uint8_t> piece_bytes, text_bytes;
    const auto append = [](const std::string& text, std::vector<uint8_t>* bytes, std::vector<uint32_t>* offsets) {
      bytes->insert(bytes->end(), text.begin(), text.end());
      offsets->push_back(static_cast<uint32_t>(bytes->size()));
    };
    bool same = spec_.phantoms.empty();
    for (const SpecToken& token : spec_.tokens) {
      append(token.bytes, &piece_bytes, &piece_offsets);
      same &= token.text == token.bytes;
    }
    for (uint32_t symbol = 0; symbol < symbols_ && !same; ++symbol) {
      append(text_of(spec_, symbol), &text_bytes, &text_offsets);
    }
    std::vector<uint32_t> added_ids;
    std::vector<uint8_t> added_flags;
    for (const SpecAdded& added : spec_.added) {
      added_ids.push_back(added.id);
      added_flags.push_back(added.flags);
    }
    const auto steps = [&](const std::vector<SpecNormalize>& from) {
      std::vector<flatbuffers::Offset<fb::NormalizeStep>> out;
      for (const SpecNormalize& step : from) {
        const auto a = builder.CreateString(step.from), b = builder.CreateString(step.to);
        out.push_back(fb::CreateNormalizeStep(builder, static_cast<uint8_t>(step.kind), a, b));
      }
      return builder.CreateVector(out);
    };
    std::vector<flatbuffers::Offset<fb::SplitStep>> splits;
    for (const SpecSplit& split : spec_.splits) {
      const auto pattern = builder.CreateString(split.pattern);
      splits.push_back(fb::CreateSplitStep(builder, pattern, static_cast<uint8_t>(split.behaviour), split.invert));
    }
    const bool has_space_mark = spec_.kind == TokenizerKind::char_bpe && has_text(kSpaceMark);
    const auto pieces = builder.CreateVector(piece_offsets);
    const auto piece_data = builder.CreateVector(piece_bytes);
    const auto texts = same ? 0 : builder.CreateVector(text_offsets);
    const auto text_data = same ? 0 : builder.CreateVector(text_bytes);
    const auto attribute_vector = builder.CreateVector(attributes);
    const auto text_slots = builder.CreateVectorOfStructs(text_slots_);
    const auto merge_slots = builder.CreateVectorOfStructs(merge_slots_);
    const auto byte_ids = builder.CreateVector(spec_.byte_ids);
    const auto ids = builder.CreateVector(added_ids);
    const auto flags = builder.CreateVector(added_flags);
    const auto raw = builder.CreateVectorOfStructs(raw_trie_);
    const auto after = builder.CreateVectorOfStructs(normalized_trie_);
    const auto normalizers = steps(spec_.normalizers);
    const auto preparations = steps(spec_.preparations);
    const auto split_vector = builder.CreateVector(splits);
    const auto prefix = builder.CreateVector(spec_.prefix_ids);
    const auto suffix = builder.CreateVector(spec_.suffix_ids);
    const auto root = fb::CreateTokenizerTables(
        builder, static_cast<uint8_t>(spec_.kind), static_cast<uint32_t>(spec_.tokens.size()), spec_.bos_id,
        spec_.eos_id, spec_.unk_id, pieces, piece_data, texts, text_data, attribute_vector, text_slots, merge_slots,
        byte_ids, ids, flags, raw, after, normalizers, preparations, split_vector, prefix, suffix, spec_.fuse_unknown,
        has_space_mark && !crosses_spaces_, spec_.strip_spaces);
    fb::FinishTokenizerTablesBuffer(builder, root);
    return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
  }

  bool has_text(std::string_view text) const {
    const uint64_t hash = text_hash(text.data(), text.size());
    const uint32_t mask = static_cast<uint32_t>(text_slots_.size()) - 1;
    for (uint32_t at = static_cast<uint32_t>(hash) & mask; text_slots_[at].id() != kNoSymbol; at = (at + 1) & mask) {
      if (text_of(spec_, text_slots_[at].id()) == text) return true;
    }
    return false;
  }

  const TokenizerSpec& spec_;
  const char* who_;
  uint32_t symbols_ = 0;
  bool crosses_spaces_ = false;
  std::vector<fb::TextSlot> text_slots_;
  std::vector<fb::MergeSlot> merge_slots_;
  std::vector<fb::TrieNode> raw_trie_, normalized_trie_;
};

}  // namespace

Result<std::vector<uint8_t>> write_tokenizer_tables(const TokenizerSpec& spec, const char* who) {
  return Writer(spec, who).write();
}

std::unordered_map<std::string_view, uint32_t> index_texts(const TokenizerSpec& spec) {
  std::unordered_map<std::string_view, uint32_t> index;
  index.reserve(spec.tokens.size() + spec.phantoms.size());
  for (const bool normal : {true, false}) {
    for (uint32_t id = 0; id < spec.tokens.size(); ++id) {
      const SpecToken& token = spec.tokens[id];
      if ((token.kind == TokenKind::normal) == normal && !token.text.empty()) index.emplace(token.text, id);
    }
  }
  for (size_t i = 0; i < spec.phantoms.size(); ++i) {
    index.emplace(spec.phantoms[i], static_cast<uint32_t>(spec.tokens.size() + i));
  }
  return index;
}

}  // namespace runnel
