// How much of the machine a model's steps take.
#pragma once

#include <stdint.h>

namespace runnel {

// Set at any time, for the system's warnings of heat and for an app that leaves the foreground. It changes how fast
// tokens come, never which ones.
struct Effort {
  // Threads of a step, the caller's included, at most the plan's; 0: the plan's.
  uint32_t threads = 0;
  // In the background: one core at least is left to others (so on two cores a step has one thread), workers do not
  // spin between the operations of a step, and offer their cores to whoever waits for one many times within each.
  bool yielding = false;
  // Most tokens a second that a generation gives, the time between them slept; 0: no limit. Prompts are not slowed.
  float tokens_per_second = 0.0f;
};

}  // namespace runnel
