#include "runtime/bench/typing_bench.h"

#include <chrono>
#include <thread>

#include "kernels/base/clock.h"
#include "runtime/bench/step_bench.h"
#include "runtime/bench/tokenizer_bench.h"
#include "runtime/eval/likelihood.h"

namespace runnel {
namespace {

constexpr uint32_t kRetyped = 15;
constexpr uint32_t kDecodeSteps = 32;

double milliseconds_since(uint64_t start_ns) noexcept { return static_cast<double>(now_ns() - start_ns) * 1e-6; }

// Someone at a keyboard: each key makes the text its first so many characters, and then a while passes.
class Typist {
 public:
  Typist(Session& session, double per_second) noexcept
      : session_(session), key_(static_cast<int64_t>(1e9 / per_second)) {}

  Status init(uint32_t characters) noexcept {
    RUNNEL_TRY(prose(size_t{characters} * 4, &text_));
    for (size_t i = 0; i < text_.size(); ++i) {
      const bool begins = (static_cast<unsigned char>(text_[i]) & 0xc0) != 0x80;
      if (begins && i != 0 && !ends_.push(i)) return out_of_memory("bench", "the text");
    }
    return {};
  }
  std::string_view text(uint32_t characters) const noexcept {
    return {text_.data(), characters == 0 ? 0 : ends_[characters - 1]};
  }
  Status key(uint32_t characters) noexcept { return session_.sync(text(characters)); }
  void wait() const noexcept { std::this_thread::sleep_for(key_); }

 private:
  Session& session_;
  std::chrono::nanoseconds key_;
  Array<char> text_;
  Array<size_t> ends_;  // of characters
};

Result<double> enter(Session& session) noexcept {
  const uint64_t start = now_ns();
  RUNNEL_TRY(session.sample({}).status());
  return milliseconds_since(start);
}

}  // namespace

Result<TypingTimes> bench_typing(Session& session, const TypingOptions& options) noexcept {
  if (options.characters <= kRetyped || options.per_second <= 0 || options.repeats == 0)
    return Status::error(Code::invalid_argument, "bench: %u characters at %g a second, %u times", options.characters,
                         options.per_second, options.repeats);
  Typist typist(session, options.per_second);
  RUNNEL_TRY(typist.init(options.characters));
  Array<double> calm, hasty, prefill;
  for (uint32_t typed = 1; typed < options.characters; ++typed) {
    RUNNEL_TRY(typist.key(typed));
    typist.wait();
  }
  for (uint32_t i = 0; i < 2 * options.repeats; ++i) {
    RUNNEL_TRY(typist.key(options.characters));
    const bool in_time = i % 2 == 0;
    if (in_time) typist.wait();
    RUNNEL_ASSIGN(const double ms, enter(session));
    if (!(in_time ? calm : hasty).push(ms)) return out_of_memory("bench", "the times");
    for (uint32_t gone = 1; gone <= kRetyped; ++gone) {
      RUNNEL_TRY(typist.key(options.characters - gone));
      typist.wait();
    }
    for (uint32_t gone = kRetyped - 1; gone >= 1; --gone) {
      RUNNEL_TRY(typist.key(options.characters - gone));
      typist.wait();
    }
  }
  for (uint32_t i = 0; i < options.repeats; ++i) {
    RUNNEL_TRY(session.truncate(0));
    const uint64_t start = now_ns();
    RUNNEL_TRY(session.append_text(typist.text(options.characters)));
    RUNNEL_TRY(session.sample({}).status());
    if (!prefill.push(milliseconds_since(start))) return out_of_memory("bench", "the times");
  }
  TypingTimes times;
  times.tokens = session.position();
  times.ttft_ms = percentile(calm, 0.5);
  times.ttft_hasty_ms = percentile(hasty, 0.5);
  times.ttft_prefill_ms = percentile(prefill, 0.5);
  RUNNEL_ASSIGN(const StepTimes decode,
                bench_decode(session, {.tokens = kDecodeSteps, .depth = times.tokens, .warm_up = 4}));
  times.decode_ms = decode.p50_ms;
  return times;
}

}  // namespace runnel
