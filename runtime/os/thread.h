// One joined thread. std::thread reports failure by an exception, which would end the host's process; this one by
// false.
//
// Thread rule: one thread at a time.
#pragma once

#include <pthread.h>

#include <cstddef>

namespace runnel {

// Counted by the memory plan. Workers only run kernels, which keep at most some 40 KiB on the stack (tall_neon.h);
// larger scratch is handed to them.
inline constexpr size_t kThreadStackBytes = 512 * 1024;

class Thread {
 public:
  using Main = void (*)(void* context) noexcept;

  Thread() noexcept = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }

  // False when the system gives no thread. `name` (at most 15 bytes) shows in debuggers. Signals of the process are
  // blocked on it, so that a host's handlers run on the host's threads. Requires: not started.
  [[nodiscard]] bool start(Main main, void* context, const char* name) noexcept;
  void join() noexcept;  // does nothing when not started

 private:
  static void* enter(void* self) noexcept;

  pthread_t thread_ = {};
  Main main_ = nullptr;
  void* context_ = nullptr;
  bool started_ = false;
};

}  // namespace runnel
