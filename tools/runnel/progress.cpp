#include "tools/runnel/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tools/runnel/size_text.h"

namespace runnel::tools {

using Clock = std::chrono::steady_clock;

Progress::Progress(std::string label, bool quiet)
    : label_(std::move(label)), enabled_(!quiet && isatty(STDERR_FILENO) == 1), start_(Clock::now()), last_(start_) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::update(uint64_t done, uint64_t total, const char* detail) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  // Nothing for work that is over within a second; then at most ten updates a second.
  if (now - start_ < std::chrono::seconds(1) || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  shown_ = true;
  const double share = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  constexpr int kWidth = 30;
  const int filled = std::clamp(static_cast<int>(share * kWidth), 0, kWidth);
  std::string bar(static_cast<size_t>(filled), '#');
  bar.append(static_cast<size_t>(kWidth - filled), '.');
  std::fprintf(stderr, "\r\033[K%s [%s] %3.0f%%  %s of %s  %s/s  %.30s", label_.c_str(), bar.c_str(), share * 100,
               format_size(done).c_str(), format_size(total).c_str(),
               format_size(static_cast<uint64_t>(static_cast<double>(done) / seconds)).c_str(),
               detail == nullptr ? "" : detail);
  std::fflush(stderr);
}

}  // namespace runnel::tools
