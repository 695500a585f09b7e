// A progress bar on stderr for work that lasts longer than a second while a person watches (stderr is a terminal).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace runnel::tools {

class Progress {
 public:
  explicit Progress(std::string label, bool quiet = false);
  ~Progress();  // wipes the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `detail` (what is being worked on) may be null.
  void update(uint64_t done, uint64_t total, const char* detail = nullptr);

 private:
  std::string label_;
  bool shown_ = false, enabled_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace runnel::tools
