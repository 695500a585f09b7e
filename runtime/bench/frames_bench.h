// What an app's own work feels of a generation: frames that a user interface draws while text is generated.
#pragma once

#include "runnel/session.h"

namespace runnel {

struct FramesOptions {
  double seconds = 5;      // of frames, for each kind of generation
  double frame_ms = 16.7;  // from frame to frame
  double work_ms = 5;      // of one core, what drawing a frame takes when nothing else runs
};

// Of the frames drawn beside one kind of generation. A frame is missed when it is not drawn before the next is due.
struct FrameTimes {
  double p50_ms = 0, p99_ms = 0, longest_ms = 0;  // from when a frame is due until it is drawn
  double missed = 0;                              // share of frames
  double tok_s = 0;                               // generated meanwhile
};

struct FramesFigures {
  FrameTimes alone, beside, beside_yielding;  // nothing generated; at full effort; with Effort::yielding
};

// As many interface threads as the machine has cores draw at the same time, so that some work lies on every core. The
// session is emptied. Sets the model's effort, and leaves it at the plan's when nothing failed. Statuses:
// invalid_argument, out_of_memory, and what sessions return.
Result<FramesFigures> bench_frames(Session& session, const FramesOptions& options) noexcept;

}  // namespace runnel
