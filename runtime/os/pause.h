// Tells the core that a loop is waiting for another one: some tens of cycles, and less power.
#pragma once

namespace runnel {

inline void pause_cpu() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // "yield" does nothing on most cores
#endif
}

}  // namespace runnel
