#include "runtime/os/thread.h"

#include <signal.h>

namespace runnel {

void* Thread::enter(void* self) noexcept {
  const Thread* thread = static_cast<const Thread*>(self);
  thread->main_(thread->context_);
  return nullptr;
}

bool Thread::start(Main main, void* context, const char* name) noexcept {
  main_ = main;
  context_ = context;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  // A refusal of the size is no reason to go without the thread: the default is larger.
  (void)pthread_attr_setstacksize(&attributes, kThreadStackBytes);
  sigset_t all, before;
  sigfillset(&all);
  const bool masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
  started_ = pthread_create(&thread_, &attributes, enter, this) == 0;
  if (masked) (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (started_) (void)pthread_setname_np(thread_, name);
  return started_;
}

void Thread::join() noexcept {
  if (!started_) return;
  pthread_join(thread_, nullptr);
  started_ = false;
}

}  // namespace runnel
