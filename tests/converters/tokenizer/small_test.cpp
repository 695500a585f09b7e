// The small tokenizers: what each rule does, hostile texts in bounded time, and hostile files and tables.
#include <chrono>
#include <cstring>
#include <random>

#include "converters/tokenizer/tokenizer_json.h"
#include "converters/tokenizer/tokenizer_model.h"
#include "kernels/base/memory.h"
#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/utf8.h"
#include "tests/support/instrumented.h"
#include "tests/support/small_tokenizers.h"
#include "tests/support/tokenizer_text.h"

namespace runnel {
namespace {

using Ids = std::vector<int32_t>;

struct Small {
  explicit Small(std::string_view bytes, const char* name)
      : source(test::read_small(bytes, name)), tokenizer(*Tokenizer::open(source.tables)) {}
  Ids encode(std::string_view text, const EncodeOptions& options = {false, true, {}}) const {
    return test::encode(tokenizer, text, options);
  }
  std::string decode(const Ids& ids) const { return test::decode(tokenizer, ids); }
  TokenizerSource source;
  Tokenizer tokenizer;
};

Small small_bpe() { return Small(test::small_bpe_json(), "tokenizer.json"); }
Small small_pieces(bool with_bytes) { return Small(test::small_sentencepiece(with_bytes), "tokenizer.model"); }

TEST(SmallBpe, MergesByRank) {
  const Small t = small_bpe();
  EXPECT_EQ(t.encode("hello the"), (Ids{261, 258}));
  EXPECT_EQ(t.encode("hell"), (Ids{260, 'l'}));
  EXPECT_EQ(t.encode(""), Ids{});
  EXPECT_EQ(t.encode("hello", {}), (Ids{263, 261}));
  EXPECT_TRUE(t.tokenizer.adds_bos());
  EXPECT_FALSE(t.tokenizer.adds_eos());
  EXPECT_EQ(t.tokenizer.bos_id(), 263);
  EXPECT_EQ(t.tokenizer.find(" the"), 258);
  EXPECT_EQ(t.tokenizer.find("nothing"), -1);
  EXPECT_FALSE(t.tokenizer.piece(268).ok());
  EXPECT_FALSE(t.tokenizer.piece(-1).ok());
}

TEST(SmallBpe, AddedTokensHonourTheirFlags) {
  const Small t = small_bpe();
  EXPECT_EQ(t.encode("a<s>b"), (Ids{'a', 263, 'b'}));
  EXPECT_EQ(t.encode("a \t<mask>\n b"), (Ids{'a', 265, 'b'}));
  EXPECT_EQ(t.encode("<word> a"), (Ids{266, ' ', 'a'}));
  EXPECT_EQ(t.encode("a<word>").size(), 7u);
  EXPECT_EQ(t.encode("<word>\u00e9").size(), 8u);
  // Without parsing, text of special tokens is text; a user's own token stays one.
  EXPECT_EQ(t.encode("<s><user>", {false, false, {}}), (Ids{'<', 's', '>', 267}));
  EXPECT_TRUE(t.tokenizer.is_control(263));
  EXPECT_FALSE(t.tokenizer.is_control(267));
  EXPECT_EQ(*t.tokenizer.piece(263, false), "");
  EXPECT_EQ(*t.tokenizer.piece(263, true), "<s>");
}

TEST(SmallBpe, NoSpecialTokenCoversAMark) {
  const Small t = small_bpe();
  const uint32_t marks[] = {0, 2, 4};
  EXPECT_EQ(t.encode("a<s>", {false, true, marks}), (Ids{'a', '<', 's', '>'}));
  const uint32_t around[] = {1, 4};
  EXPECT_EQ(t.encode("a<s>b", {false, true, around}), (Ids{'a', 263, 'b'}));
}

TEST(SmallBpe, NormalFormIsComposed) {
  const Small t = small_bpe();
  EXPECT_EQ(t.encode("e\u0301"), t.encode("\u00e9"));
  EXPECT_EQ(t.encode("\u1100\u1161"), t.encode("\uac00"));
}

TEST(SmallBpe, BytesThatAreNotUtf8AreKept) {
  const Small t = small_bpe();
  for (const char* text : {"\xff", "a\xe2\x96", "\x80\x80 hello \xc3", "\xed\xa0\x80", "\xf5hello"}) {
    EXPECT_EQ(t.decode(t.encode(text)), text);
  }
}

TEST(SmallPieces, MergesByScoreThenLeftmost) {
  const Small t = small_pieces(true);
  const auto id = [&](std::string_view text) { return t.tokenizer.find(text); };
  EXPECT_EQ(t.encode("abc"), (Ids{id("\u2581"), id("abc")}));
  EXPECT_EQ(t.encode("aab"), (Ids{id("\u2581a"), id("ab")}));
  EXPECT_EQ(t.encode("dxy"), (Ids{id("\u2581"), id("d"), id("xy")}));
  // x alone is no piece: its byte.
  EXPECT_EQ(t.encode("x"), (Ids{id("\u2581"), 3 + 'x'}));
  EXPECT_EQ(t.encode("\n"), (Ids{id("\u2581"), 3 + '\n'}));
  EXPECT_EQ(t.decode(t.encode(" ab  abc \u6771\n")), " ab  abc \u6771\n");
  EXPECT_EQ(t.encode("ab<s>ab"), (Ids{id("\u2581"), id("ab"), 1, id("\u2581"), id("ab")}));
  EXPECT_EQ(t.decode(t.encode("<s>ab")), "<s>ab");
}

TEST(SmallPieces, UnknownCharactersFuse) {
  const Small t = small_pieces(false);
  const auto id = [&](std::string_view text) { return t.tokenizer.find(text); };
  EXPECT_EQ(t.encode("\n"), (Ids{id("\u2581"), 0}));
  EXPECT_EQ(t.encode("a\n\nz\xff"
                     "b"),
            (Ids{id("\u2581a"), 0, id("b")}));
  EXPECT_EQ(t.encode("x y"), (Ids{id("\u2581"), 0, id("\u2581"), 0}));
}

// Long and short words take different ways to one result.
TEST(Merges, HeapAndScanAgree) {
  const Small t = small_bpe();
  const TokenizerTables tables = *TokenizerTables::open(t.source.tables);
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Array<uint32_t> scanned, heaped;
    const uint32_t count = 1 + random() % kShortWord;
    for (uint32_t i = 0; i < count; ++i) {
      const auto symbol = static_cast<uint32_t>(" thelo"[random() % 6]);
      ASSERT_TRUE(scanned.push(symbol) && heaped.push(symbol));
    }
    scanned.truncate(merge_short(tables, scanned.data(), count));
    MergeScratch scratch;
    ASSERT_TRUE(merge_long(tables, &scratch, &heaped).ok());
    ASSERT_EQ(Ids(scanned.begin(), scanned.end()), Ids(heaped.begin(), heaped.end())) << round;
  }
}

// A megabyte of anything: linear time is milliseconds, quadratic time hours. The bound is generous.
TEST(HostileTexts, AMegabyteTakesSeconds) {
  const Small bpe = small_bpe(), pieces = small_pieces(true), unknown = small_pieces(false);
  const auto start = std::chrono::steady_clock::now();
  for (const char* unit : {" ", "a", "\n", " \n", "1", "\u4e00", "hello", "\u0301", "\u0301\u0323", "<", "<s", "<s>",
                           "\xff", "'", "\u2581", "a\u2581"}) {
    std::string text;
    while (text.size() < test::effort(1000000)) text += unit;
    text += 'x';
    EXPECT_FALSE(bpe.encode(text).empty());
    EXPECT_FALSE(pieces.encode(text).empty());
    EXPECT_FALSE(unknown.encode(text).empty());
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 120.0);
}

TEST(HostileTables, EveryFlippedByteAndEveryLengthIsHarmless) {
  const Small t = small_bpe();
  std::mt19937 random(11);
  size_t opened = 0;
  for (size_t round = 0; round < test::effort(4000); ++round) {
    std::vector<uint8_t> bytes = t.source.tables;
    const size_t flips = 1 + random() % 3;
    for (size_t i = 0; i < flips; ++i) bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    if (round % 16 == 0) bytes.resize(random() % bytes.size());
    Result<Tokenizer> tokenizer = Tokenizer::open(bytes);
    if (!tokenizer.ok()) {
      EXPECT_NE(std::string(tokenizer.status().message()).find("tokenizer"), std::string::npos);
      continue;
    }
    ++opened;
    Array<int32_t> ids;
    if (!tokenizer->encode("<s> hello the ab 123\n\xff<mask> e\u0301</s>", {}, &ids).ok()) continue;
    for (const int32_t id : ids) ASSERT_LT(static_cast<uint32_t>(id), tokenizer->vocab_size());
    Array<char> text;
    EXPECT_TRUE(tokenizer->decode(ids, true, &text).ok());
  }
  EXPECT_GT(opened, 0u);
}

TEST(HostileFiles, AreRefused) {
  const auto code = [](std::string_view json) { return read_tokenizer_json(json).status().code(); };
  EXPECT_EQ(code(""), Code::corrupt_file);
  EXPECT_EQ(code("{}"), Code::corrupt_file);
  EXPECT_EQ(code(R"({"model":{"type":"Unigram","vocab":[]}})"), Code::unsupported);
  EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":4294967295},"merges":[]}})"), Code::corrupt_file);
  EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}})"), Code::corrupt_file);
  EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}})"), Code::corrupt_file);
  EXPECT_EQ(code(R"({"normalizer":{"type":"Precompiled"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})"),
            Code::unsupported);
  EXPECT_EQ(
      code(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"added_tokens":[{"id":4000000000,"content":"x"}]})"),
      Code::corrupt_file);
  const std::string model = test::small_sentencepiece(true);
  for (size_t bytes = 0; bytes < model.size(); bytes += 7) {
    const auto spec = read_sentencepiece({reinterpret_cast<const uint8_t*>(model.data()), bytes});
    EXPECT_FALSE(spec.ok()) << bytes;
  }
}

TEST(Memory, FailureIsAStatus) {
  const Small t = small_bpe();
  struct Gate {
    size_t left;
  } gate = {0};
  for (size_t allowed = 0; allowed < 12; ++allowed) {
    gate.left = allowed;
    set_allocation_gate(
        [](void* context, size_t) noexcept {
          auto* g = static_cast<Gate*>(context);
          return g->left > 0 && g->left-- > 0;
        },
        &gate);
    Array<int32_t> ids;
    const Status status =
        t.tokenizer.encode("e\u0301 hello the world, this goes on for a while <s> then ends", {}, &ids);
    set_allocation_gate(nullptr, nullptr);
    if (!status.ok()) {
      EXPECT_EQ(status.code(), Code::out_of_memory) << status.message();
    }
  }
}

TEST(Utf8Stream, HoldsBackHalfCharactersAndReplacesNonsense) {
  const auto feed = [](std::initializer_list<std::string_view> pieces) {
    Utf8Stream stream;
    std::string all;
    for (const std::string_view piece : pieces) {
      const Result<std::string_view> shown = stream.feed(piece);
      EXPECT_TRUE(shown.ok());
      EXPECT_EQ(utf8_valid_prefix(*shown), shown->size());
      all += *shown;
    }
    return all + std::string(stream.finish());
  };
  EXPECT_EQ(feed({"a", "\xe6", "\x9d", "\xb1", "b"}), "a\u6771b");
  EXPECT_EQ(feed({"\xf0\x9f", "\x99\x82"}), "\U0001f642");
  EXPECT_EQ(feed({"\xe6\x9d"}), "\ufffd");
  EXPECT_EQ(feed({"\xe6", "a"}),
            "\ufffd"
            "a");
  EXPECT_EQ(feed({"\xff\xfe"}), "\ufffd\ufffd");
  EXPECT_EQ(feed({"\xed", "\xa0", "\x80"}), "\ufffd\ufffd\ufffd");
  EXPECT_EQ(feed({"\xc3", "\xc3\xa9"}), "\ufffd\u00e9");
}

TEST(Regex, RubySyntaxInPcre2sTerms) {
  EXPECT_EQ(*pcre2_pattern(R"(\p{L}+|[^\r\n\d]?)", "t"), R"(\p{L}+|[^\r\n\d]?)");
  EXPECT_EQ(pcre2_pattern(R"(\s+$)", "t")->substr(0, 4), "(?m)");
  EXPECT_EQ(pcre2_pattern(R"([\p{L}&&[^a]])", "t").status().code(), Code::unsupported);
  EXPECT_EQ(pcre2_pattern(R"([\S])", "t").status().code(), Code::unsupported);
}

}  // namespace
}  // namespace runnel
