// What a test must know of the build and the machine that it runs on.
#pragma once

#include <cstdlib>

// 1 in a build with a sanitizer's own heap and shadow memory: figures of memory say nothing of the library there.
// GCC and clang name it differently.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUNNEL_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RUNNEL_INSTRUMENTED 1
#endif
#endif
#if !defined(RUNNEL_INSTRUMENTED)
#define RUNNEL_INSTRUMENTED 0
#endif

namespace runnel::test {

// How many rounds or bytes of `whole` a long test takes: $RUNNEL_TEST_PERCENT of them (the presets of sanitizers and of
// qemu set it, since each round costs ten times as much there), at least one; all without it.
inline size_t effort(size_t whole) {
  const char* given = std::getenv("RUNNEL_TEST_PERCENT");
  const unsigned long percent = given == nullptr ? 100 : std::strtoul(given, nullptr, 10);
  if (percent == 0 || percent >= 100) return whole;
  return whole * percent / 100 + (whole * percent / 100 == 0);
}

}  // namespace runnel::test
