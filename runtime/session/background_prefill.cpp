#include "runtime/session/background_prefill.h"

#include <algorithm>
#include <chrono>

#include "kernels/base/clock.h"
#include "runtime/session/session_state.h"

namespace runnel {
namespace {

// Longer than between two letters of someone who types, shorter than it takes to read what was typed.
constexpr std::chrono::milliseconds kPause(200);

// Tokens at the end of `ids` that should wait: those that the end of `before` has too, after the place of a change, and
// one more, which is growing.
uint32_t unsettled(std::span<const int32_t> before, std::span<const int32_t> ids) noexcept {
  const size_t most = std::min(before.size(), ids.size());
  size_t begin = 0, end = 0;
  while (begin < most && before[begin] == ids[begin]) ++begin;
  while (end < most - begin && before[before.size() - 1 - end] == ids[ids.size() - 1 - end]) ++end;
  const size_t changed = std::min(end + 1, ids.size() - begin);
  return static_cast<uint32_t>(std::min(std::max<size_t>(changed, 1), ids.size()));
}

}  // namespace

uint64_t BackgroundPrefill::private_bytes() noexcept { return sizeof(BackgroundPrefill) + kThreadStackBytes; }

BackgroundPrefill::BackgroundPrefill(SessionState& session) noexcept
    : session_(session), slice_(session.shared().plan().max_step_tokens) {}

// Not at low priority: phones keep such threads waiting while the user types, on their slowest cores. It sleeps most of
// the time, and what it gives up between slices and layers is enough for others.
bool BackgroundPrefill::start() noexcept { return thread_.start(thread_main, this, "runnel sync"); }

BackgroundPrefill::~BackgroundPrefill() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
    wake();
  }
  thread_.join();
}

void BackgroundPrefill::wake() noexcept {
  interrupt_.store(true, std::memory_order_relaxed);
  wake_.notify_one();
}

Status BackgroundPrefill::follow_text(std::string_view text, const TokenizeOptions& options) noexcept {
  const std::lock_guard lock(mutex_);
  RUNNEL_TRY(next_.set_text(text, options));
  asked_ = true;
  wake();
  return {};
}

Status BackgroundPrefill::follow_chat(std::string_view messages_json, const ChatOptions& options) noexcept {
  const std::lock_guard lock(mutex_);
  RUNNEL_TRY(next_.set_chat(messages_json, options));
  asked_ = true;
  wake();
  return {};
}

void BackgroundPrefill::stop() noexcept {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  if (busy_) {
    wake();
    idle_.wait(lock, [&] { return !busy_; });
  }
  stopping_ = false;
  if (!std::exchange(asked_, false)) return;
  lock.unlock();  // nothing is asked for: the thread sleeps
  error_ = take(next_);
}

void BackgroundPrefill::thread_main(void* self) noexcept { static_cast<BackgroundPrefill*>(self)->run(); }

void BackgroundPrefill::run() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return quit_ || (asked_ && !stopping_); });
    if (quit_) return;
    std::swap(text_, next_);
    asked_ = false;
    busy_ = true;
    interrupt_.store(false, std::memory_order_relaxed);
    lock.unlock();
    Status status = take(text_);
    if (status.ok()) status = compute(session_.position() - unsettled_);
    lock.lock();
    const auto interrupted = [&] { return interrupt_.load(std::memory_order_relaxed); };
    if (status.ok() && !wake_.wait_for(lock, kPause, interrupted)) {
      lock.unlock();
      status = compute(session_.position());
      lock.lock();
    }
    error_ = status.code() == Code::cancelled ? Status() : std::move(status);
    busy_ = false;
    idle_.notify_one();
  }
}

Status BackgroundPrefill::take(const TypedText& text) noexcept {
  RUNNEL_TRY(text.encode(session_.model(), &ids_));
  unsettled_ = unsettled(session_.tokens(), ids_);
  return session_.set_tokens(ids_);
}

Status BackgroundPrefill::compute(uint32_t end) noexcept {
  while (session_.waits(end)) {
    if (interrupt_.load(std::memory_order_relaxed)) return Status::error(Code::cancelled, "sync: interrupted");
    const uint64_t before = now_ns();
    RUNNEL_ASSIGN(const uint32_t tokens, session_.compute_slice(end, slice_.tokens(), interrupt_));
    if (tokens != 0) slice_.took(tokens, now_ns() - before);  // 0: all was found
  }
  return {};
}

}  // namespace runnel
