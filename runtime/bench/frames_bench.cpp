#include "runtime/bench/frames_bench.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "kernels/base/clock.h"
#include "kernels/cpu_topology.h"
#include "runtime/bench/step_bench.h"
#include "runtime/eval/likelihood.h"
#include "runtime/os/thread.h"

namespace runnel {
namespace {

constexpr uint32_t kMostThreads = 64;
constexpr int32_t kPrompt[] = {1, 2, 3, 4};

// Work that a core does at its own speed, unlike waiting for a clock. Marsaglia's xorshift: a compiler that knows their
// number folds the steps of a linear congruence.
uint64_t draw(uint64_t rounds, uint64_t seed) noexcept {
  for (uint64_t i = 0; i < rounds; ++i) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
  }
  return seed;
}

// The fastest of several tries: what a core does when nothing disturbs. Volatile, for clang drops what nobody sees.
uint64_t rounds_for(double ms) noexcept {
  volatile uint64_t rounds = 1'000'000, kept = 1;
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < 20; ++i) {
    const uint64_t start = now_ns();
    kept = draw(rounds, kept);
    best = std::min(best, now_ns() - start);
  }
  return static_cast<uint64_t>(ms * 1e6 / static_cast<double>(best) * static_cast<double>(rounds));
}

struct Interface {
  uint64_t frames = 0, frame_ns = 0, rounds = 0, begin_ns = 0;
  Array<double> times;  // milliseconds
  uint64_t kept = 1;

  static void enter(void* self) noexcept { static_cast<Interface*>(self)->draw_all(); }
  void draw_all() noexcept {
    uint64_t frame = 0;
    while (frame < frames) {
      const uint64_t due = begin_ns + frame * frame_ns;
      for (uint64_t now = now_ns(); now < due; now = now_ns()) sleep_ns(due - now);
      kept = draw(rounds, kept);
      const uint64_t done = now_ns();
      (void)times.push(static_cast<double>(done - due) * 1e-6);  // room was reserved
      // As a screen does: what was due meanwhile is not drawn any more.
      frame = std::max(frame + 1, (done - begin_ns) / frame_ns);
    }
  }
};

class Frames {
 public:
  Frames(const FramesOptions& options, uint64_t rounds) noexcept : options_(options), rounds_(rounds) {}

  Status start() noexcept {
    const uint64_t frame_ns = static_cast<uint64_t>(options_.frame_ms * 1e6);
    frames_ = static_cast<uint64_t>(options_.seconds * 1e9) / frame_ns;
    count_ = std::min(cpu_topology().cores, kMostThreads);
    const uint64_t begin = now_ns() + frame_ns;
    for (uint32_t i = 0; i < count_; ++i) {
      Interface& one = interfaces_[i];
      one.frames = frames_;
      one.frame_ns = frame_ns;
      one.rounds = rounds_;
      one.begin_ns = begin + i * frame_ns / count_;
      if (!one.times.reserve(frames_)) return out_of_memory("bench", "the times of frames");
    }
    for (uint32_t i = 0; i < count_; ++i) {
      if (!threads_[i].start(Interface::enter, &interfaces_[i], "frames"))
        return Status::error(Code::io, "bench: the system gives no thread");
    }
    return {};
  }
  Result<FrameTimes> join() noexcept {
    Array<double> all;
    uint64_t missed = 0;
    for (uint32_t i = 0; i < count_; ++i) {
      threads_[i].join();
      if (!all.append(interfaces_[i].times)) return out_of_memory("bench", "the times of frames");
    }
    for (const double ms : all) missed += ms > options_.frame_ms ? 1 : 0;
    missed += count_ * frames_ - all.size();  // not drawn at all
    FrameTimes times;
    times.p50_ms = percentile(all, 0.5);
    times.p99_ms = percentile(all, 0.99);
    times.longest_ms = percentile(all, 1);
    times.missed = static_cast<double>(missed) / static_cast<double>(count_ * frames_);
    return times;
  }

 private:
  FramesOptions options_;
  uint64_t rounds_, frames_ = 0;
  uint32_t count_ = 0;
  Interface interfaces_[kMostThreads];
  Thread threads_[kMostThreads];  // end before what they write to
};

// Generates on a thread of its own until told to end.
class Generating {
 public:
  explicit Generating(Session& session) noexcept : session_(session) {}
  ~Generating() { (void)end(); }
  [[nodiscard]] bool start() noexcept { return thread_.start(enter, this, "generate"); }
  Result<double> end() noexcept {
    if (!ended_.exchange(true)) session_.cancel();
    thread_.join();
    session_.clear_cancel();
    RUNNEL_TRY(status_);
    return rate_;
  }

 private:
  static void enter(void* self) noexcept { static_cast<Generating*>(self)->generate(); }
  void generate() noexcept {
    uint64_t tokens = 0;
    const uint64_t start = now_ns();
    while (!ended_.load() && status_.ok()) {
      status_ = session_.truncate(0);
      if (status_.ok()) status_ = session_.append(kPrompt);
      if (!status_.ok()) break;
      const auto generation = session_.generate({.ignore_end = true});
      if (!generation.ok()) status_ = generation.status();
      if (generation.ok()) tokens += generation->ids.size();
    }
    if (status_.code() == Code::cancelled && ended_.load()) status_ = {};
    rate_ = static_cast<double>(tokens) * 1e9 / static_cast<double>(now_ns() - start);
  }

  Session& session_;
  Status status_;
  double rate_ = 0;
  std::atomic<bool> ended_{false};
  Thread thread_;
};

Result<FrameTimes> beside(Session& session, const Effort& effort, const FramesOptions& options,
                          uint64_t rounds) noexcept {
  RUNNEL_TRY(session.model().set_effort(effort));
  Generating generating(session);
  Frames frames(options, rounds);
  if (!generating.start()) return Status::error(Code::io, "bench: the system gives no thread");
  RUNNEL_TRY(frames.start());
  RUNNEL_ASSIGN(FrameTimes times, frames.join());
  RUNNEL_ASSIGN(times.tok_s, generating.end());
  return times;
}

}  // namespace

Result<FramesFigures> bench_frames(Session& session, const FramesOptions& options) noexcept {
  if (!(options.frame_ms >= 1 && options.work_ms > 0 && options.work_ms < options.frame_ms &&
        options.seconds * 1e3 >= options.frame_ms && options.seconds <= 3600))
    return Status::error(Code::invalid_argument, "bench: frames of %g ms every %g ms for %g s", options.work_ms,
                         options.frame_ms, options.seconds);
  const uint64_t rounds = rounds_for(options.work_ms);
  FramesFigures figures;
  {
    Frames frames(options, rounds);
    RUNNEL_TRY(frames.start());
    RUNNEL_ASSIGN(figures.alone, frames.join());
  }
  RUNNEL_ASSIGN(figures.beside, beside(session, {}, options, rounds));
  RUNNEL_ASSIGN(figures.beside_yielding, beside(session, {.yielding = true}, options, rounds));
  RUNNEL_TRY(session.model().set_effort({}));
  return figures;
}

}  // namespace runnel
