// The loop of a generation: sample, show, compute the next token only when it is wanted.
#include <algorithm>

#include "kernels/base/clock.h"
#include "runtime/sampler/stop_filter.h"
#include "runtime/session/session_state.h"

namespace runnel {
namespace {

// Token pieces to the sink: whole characters, without stop strings. Pieces go through in parts, so that the buffer of
// the UTF-8 stream has a bound that is known before the first token.
class TextOut {
 public:
  static constexpr size_t kPartBytes = 1024;

  explicit TextOut(TextSink sink) noexcept : show_{sink} {}
  Status init(std::span<const std::string_view> stop) noexcept {
    RUNNEL_TRY(stop_.init(stop));
    return utf8_.reserve(kPartBytes) ? Status() : out_of_memory("session", "the text buffer");
  }
  Result<StopFilter::State> feed(std::string_view piece) noexcept {
    while (!piece.empty() && state_ == StopFilter::State::running) {
      const std::string_view part = piece.substr(0, kPartBytes);
      piece.remove_prefix(part.size());
      RUNNEL_ASSIGN(const std::string_view text, utf8_.feed(part));
      pass(text);
    }
    return state_;
  }
  StopFilter::State finish() noexcept {
    if (state_ == StopFilter::State::running) pass(utf8_.finish());
    if (state_ == StopFilter::State::running) state_ = stop_.finish(show_);
    return state_;
  }

 private:
  void pass(std::string_view text) noexcept {
    if (!text.empty()) state_ = stop_.feed(text, show_);
  }

  struct Show {
    TextSink sink;
    bool operator()(std::string_view text) noexcept { return !sink || sink(text); }
  };
  Show show_;
  Utf8Stream utf8_;
  StopFilter stop_;
  StopFilter::State state_ = StopFilter::State::running;
};

double per_second(uint64_t count, uint64_t ns) noexcept {
  return count == 0 || ns == 0 ? 0.0 : static_cast<double>(count) * 1e9 / static_cast<double>(ns);
}

}  // namespace

const char* finish_reason_name(FinishReason reason) noexcept {
  switch (reason) {
    case FinishReason::end: return "end";
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::context_full: return "context_full";
    case FinishReason::cancelled: return "cancelled";
    case FinishReason::callback: return "callback";
  }
  return "unknown";
}

// Waits until the next token is due, in naps short enough for a cancel or another pace; a cancelled wait is followed by
// a cancelled step.
void SessionState::keep_pace(uint64_t last) const noexcept {
  constexpr uint64_t kNapNs = 10'000'000;
  while (!cancel_.load(std::memory_order_relaxed)) {
    const uint64_t due = last + shared_->pace_ns(), now = now_ns();
    if (now >= due) return;
    sleep_ns(std::min(due - now, kNapNs));
  }
}

Result<Generation> SessionState::generate(const GenerateOptions& options, TextSink sink) noexcept {
  RUNNEL_TRY(check_sampler_options(options.sampler));
  if (position() == 0) return Status::error(Code::invalid_argument, "session: it is empty, append a prompt first");
  TextOut out(sink);
  RUNNEL_TRY(out.init(options.stop));
  Generation result;
  const uint32_t room = context() - position();
  const bool slides = options_.when_full == WhenFull::slide && options.max_tokens != 0;
  const uint32_t most = options.max_tokens == 0 ? room
                        : slides                ? options.max_tokens
                                                : std::min(options.max_tokens, room);
  if (!result.ids.reserve(most)) return out_of_memory("session", "the generated ids");
  const Tokenizer* tokenizer = shared_->tokenizer();
  if (!options.keep_generator) generator_ = Generator(options.sampler.seed);
  result.prompt_tokens = position();
  result.reused_tokens = std::min(reused_tokens_, position());  // of an edited text some are gone again
  const uint64_t appended_ns = prefill_ns_ + waited_ns_;
  const uint64_t begin = now_ns();
  uint64_t first = 0, last = 0;

  // Why the loop ends; cancelling is a reason, any other failure of a step is an error.
  const auto next = [&]() -> Result<bool> {
    if (result.ids.size() == most) {
      result.finish =
          options.max_tokens != 0 && most == options.max_tokens ? FinishReason::length : FinishReason::context_full;
      return false;
    }
    if (!result.ids.empty()) keep_pace(last);
    Status status = settle();
    // Sessions that take pages as they need them may find none.
    if (status.code() == Code::context_full && slides && slide(1)) status = settle();
    if (status.code() == Code::context_full) {
      result.finish = FinishReason::context_full;
      return false;
    }
    if (status.code() == Code::cancelled || (status.ok() && take_cancel())) {
      result.finish = FinishReason::cancelled;
      return false;
    }
    RUNNEL_TRY(std::move(status));
    RUNNEL_ASSIGN(const int32_t id, sampler_.pick(logits(), tokens_, options.sampler, &generator_));
    last = now_ns();
    if (result.ids.empty()) {
      first = last;
      result.ttft_ms = static_cast<double>(appended_ns + (first - begin)) / 1e6;
      result.prefill_tok_s = per_second(prefill_tokens_, prefill_ns_);
    }
    if (!make_room(1).ok()) {  // only a session that slides can be full here, and only when all it holds is to be kept
      result.finish = FinishReason::context_full;
      return false;
    }
    (void)result.ids.push(id);  // room was reserved
    (void)tokens_.push(id);
    logits_valid_ = false;
    if (!options.ignore_end && model_.is_end(id)) {
      result.finish = FinishReason::end;
      return false;
    }
    // Ids beyond the tokenizer's are padding of the embedding: they have no text.
    if (tokenizer == nullptr || static_cast<uint32_t>(id) >= tokenizer->vocab_size()) return true;
    RUNNEL_ASSIGN(const std::string_view piece, tokenizer->piece(id, options.show_special));
    RUNNEL_ASSIGN(const StopFilter::State state, out.feed(piece));
    if (state == StopFilter::State::running) return true;
    result.finish = state == StopFilter::State::stopped ? FinishReason::stop : FinishReason::callback;
    return false;
  };
  for (;;) {
    RUNNEL_ASSIGN(const bool more, next());
    if (!more) break;
  }
  if (const StopFilter::State state = out.finish(); result.finish != FinishReason::stop) {
    if (state == StopFilter::State::stopped) result.finish = FinishReason::stop;
    if (state == StopFilter::State::refused) result.finish = FinishReason::callback;
  }
  result.decode_tok_s = result.ids.empty() ? 0 : per_second(result.ids.size() - 1, last - first);
  prefill_ns_ = 0;
  prefill_tokens_ = 0;
  reused_tokens_ = 0;
  waited_ns_ = 0;
  return result;
}

}  // namespace runnel
