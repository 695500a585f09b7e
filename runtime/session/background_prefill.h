// Prefill while typing: a thread that makes a session's tokens those of the newest text and computes them in slices.
//
// What was typed up to now is computed but for its last token, which the next letter is likely to change, and for what
// follows the place of the last change: the end of a chat's turn, or of a text that is edited in its middle. When no
// newer text comes for a while, all of it is, with the logits, so that an answer can begin at once.
//
// Ownership: borrows the session. Thread rule: follow_text(), follow_chat() and stop() by the thread that uses the
// session; between stop() and the next follow the session is that thread's alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "runtime/os/thread.h"
#include "runtime/session/slice_length.h"
#include "runtime/session/typed_text.h"

namespace runnel {

class SessionState;

class BackgroundPrefill {
 public:
  explicit BackgroundPrefill(SessionState& session) noexcept;
  BackgroundPrefill(const BackgroundPrefill&) = delete;
  BackgroundPrefill& operator=(const BackgroundPrefill&) = delete;
  ~BackgroundPrefill();

  // Once, before all else. False when the system gives no thread.
  [[nodiscard]] bool start() noexcept;

  // The session is to hold this from now on; nothing is waited for. Status: out_of_memory, and all is as before.
  Status follow_text(std::string_view text, const TokenizeOptions& options) noexcept;
  Status follow_chat(std::string_view messages_json, const ChatOptions& options) noexcept;

  // Waits for the layer in progress at most. The session's tokens are then those of the newest text.
  void stop() noexcept;
  // Why they are not, or why some could not be computed; the session then holds what was the same before. Forgotten by
  // asking. Requires: stopped.
  Status take_error() noexcept { return std::exchange(error_, Status()); }

  // Private bytes of one, its texts aside.
  static uint64_t private_bytes() noexcept;

 private:
  static void thread_main(void* self) noexcept;
  void run() noexcept;
  void wake() noexcept;
  // Makes the session's tokens the text's. What is not to be computed yet becomes unsettled_.
  Status take(const TypedText& text) noexcept;
  // Computes the session's tokens up to `end`. cancelled: interrupt_ was set.
  Status compute(uint32_t end) noexcept;

  SessionState& session_;
  Thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  // Set with the mutex held: a newer text, or an end, is waiting. Steps look at it once a layer.
  std::atomic<bool> interrupt_{false};
  // Under the mutex.
  TypedText next_;
  bool asked_ = false;     // next_ is to be taken
  bool stopping_ = false;  // by stop(), not by the thread
  bool busy_ = false;      // the session is the thread's
  bool quit_ = false;
  // Of the thread while busy_, of the session's user otherwise.
  TypedText text_;
  Array<int32_t> ids_;
  uint32_t unsettled_ = 0;  // tokens at the end
  SliceLength slice_;
  Status error_;
};

}  // namespace runnel
