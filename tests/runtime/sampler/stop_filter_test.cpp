#include "runtime/sampler/stop_filter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace runnel {
namespace {

struct Outcome {
  std::string text;
  bool stopped = false;
  bool operator==(const Outcome&) const = default;
};

Outcome stream(const std::vector<std::string>& pieces, const std::vector<std::string_view>& stop) {
  StopFilter filter;
  EXPECT_TRUE(filter.init(stop).ok());
  Outcome outcome;
  const auto emit = [&](std::string_view text) {
    EXPECT_FALSE(text.empty());
    outcome.text += text;
    return true;
  };
  for (const std::string& piece : pieces) {
    if (filter.feed(piece, emit) == StopFilter::State::stopped) {
      outcome.stopped = true;
      return outcome;
    }
  }
  filter.finish(emit);
  return outcome;
}

// The stop string that is complete first; the longest of those that end together.
Outcome reference(const std::string& text, const std::vector<std::string_view>& stop) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string_view s : stop) {
      if (std::string_view(text).substr(0, end).ends_with(s)) longest = std::max(longest, s.size());
    }
    if (longest != 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

TEST(StopFilter, NamedCases) {
  EXPECT_EQ(stream({"hel", "lo wo", "rld"}, {"lo w"}), (Outcome{"hel", true}));
  EXPECT_EQ(stream({"a", "a", "a", "b", "x"}, {"aab"}), (Outcome{"a", true}));
  EXPECT_EQ(stream({"User", ":", " hi"}, {"User:!"}), (Outcome{"User: hi", false}));
  EXPECT_EQ(stream({"abc"}, {}), (Outcome{"abc", false}));
  EXPECT_EQ(stream({"", "abc", ""}, {"c"}), (Outcome{"ab", true}));
  EXPECT_EQ(stream({"x\n", "\nUser"}, {"\n\nUser", "\n\n"}), (Outcome{"x", true}));
  EXPECT_EQ(stream({"abcd"}, {"bcd", "cd", "abcde"}), (Outcome{"a", true}));
  EXPECT_EQ(stream({"caf\xc3\xa8"}, {"f\xc3\xa9"}), (Outcome{"caf\xc3\xa8", false}));
}

// What could still become a stop string is not shown, and nothing else is held back.
TEST(StopFilter, HoldsBackNoMoreThanNeeded) {
  StopFilter filter;
  const std::vector<std::string_view> stop = {"###", "END"};
  ASSERT_TRUE(filter.init(stop).ok());
  std::string shown;
  const auto emit = [&](std::string_view text) {
    shown += text;
    return true;
  };
  filter.feed("one ##", emit);
  EXPECT_EQ(shown, "one ");
  filter.feed("x E", emit);
  EXPECT_EQ(shown, "one ##x ");
  filter.feed("NE", emit);
  EXPECT_EQ(shown, "one ##x EN");
  filter.finish(emit);
  EXPECT_EQ(shown, "one ##x ENE");
}

TEST(StopFilter, AnySplitGivesWhatTheWholeTextGives) {
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (uint32_t i = random() % 24; i > 0; --i) text += "ab"[random() % 2];
    std::vector<std::string> stop_text(random() % 4);
    for (auto& s : stop_text) {
      for (uint32_t i = 1 + random() % 6; i > 0; --i) s += "ab"[random() % 2];
    }
    std::vector<std::string> pieces;
    for (size_t i = 0; i < text.size();) {
      const size_t bytes = 1 + random() % 4;
      pieces.push_back(text.substr(i, bytes));
      i += bytes;
    }
    const std::vector<std::string_view> stop(stop_text.begin(), stop_text.end());
    ASSERT_EQ(stream(pieces, stop), reference(text, stop)) << text;
  }
}

TEST(StopFilter, ReceiverCanRefuse) {
  StopFilter filter;
  const std::vector<std::string_view> stop = {"zz"};
  ASSERT_TRUE(filter.init(stop).ok());
  const auto refuse = [](std::string_view) { return false; };
  EXPECT_EQ(filter.feed("abc", refuse), StopFilter::State::refused);
}

TEST(StopFilter, BadStopStringsAreRefused) {
  const auto code = [](std::vector<std::string_view> stop) { return StopFilter().init(stop).code(); };
  EXPECT_EQ(code({""}), Code::invalid_argument);
  EXPECT_EQ(code({std::string_view("\xc3", 1)}), Code::invalid_argument);
  EXPECT_EQ(code({std::string_view("\xed\xa0\x80", 3)}), Code::invalid_argument);
  EXPECT_EQ(code({std::string_view("\x80", 1)}), Code::invalid_argument);
  EXPECT_EQ(code(std::vector<std::string_view>(17, "x")), Code::invalid_argument);
  const std::string longest(256, 'x'), too_long(257, 'x');
  EXPECT_EQ(code({longest}), Code::ok);
  EXPECT_EQ(code({too_long}), Code::invalid_argument);
  EXPECT_EQ(stream({std::string(300, 'x')}, {longest}), (Outcome{"", true}));
  EXPECT_EQ(code({"\xf0\x9f\x8c\x8a"}), Code::ok);
}

}  // namespace
}  // namespace runnel
