#include "tools/runnel/bench_start.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "graph/file/format.h"
#include "runtime/os/page_cache.h"
#include "tools/runnel/json_output.h"

namespace runnel::tools {
namespace {

constexpr int kColdStarts = 3, kWarmStarts = 5;
constexpr double kStillCached = 0.02;

// All shards of the model, or its one file.
std::vector<std::string> files_of(const std::string& path) {
  const std::string stem(rnl::shard_stem(path));
  if (stem.empty()) return {path};
  std::vector<std::string> files;
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  for (const auto& entry : std::filesystem::directory_iterator(folder.empty() ? "." : folder, error)) {
    const std::string name = (folder / entry.path().filename()).string();
    if (rnl::shard_stem(name) == stem) files.push_back(name);
  }
  return files;
}

// The largest share of a file that stays. Where dropping the files alone leaves some, root drops all there are.
double drop(const std::vector<std::string>& files) {
  const auto share = [&] {
    double largest = -1;
    for (const std::string& file : files) largest = std::max(largest, cached_share(file.c_str()));
    return largest;
  };
  for (const std::string& file : files) drop_cached_file(file.c_str());
  const double left = share();
  return left > kStillCached && drop_all_cached_files() ? share() : left;
}

FirstToken median(std::vector<FirstToken> starts) {
  const auto middle = starts.begin() + static_cast<ptrdiff_t>(starts.size() / 2);
  std::nth_element(starts.begin(), middle, starts.end(),
                   [](const FirstToken& a, const FirstToken& b) { return a.total_ms < b.total_ms; });
  return *middle;
}

}  // namespace

Result<StartFigures> measure_start(const ModelOptions& options) {
  RUNNEL_ASSIGN(const OpenOptions open, open_options(options));
  const std::vector<std::string> files = files_of(options.path);
  StartFigures figures;
  std::vector<FirstToken> cold, warm;
  for (int i = 0; i < kColdStarts; ++i) {
    figures.cached_share = drop(files);
    RUNNEL_ASSIGN(const FirstToken start, time_first_token(options.path.c_str(), open));
    cold.push_back(start);
  }
  for (int i = 0; i < kWarmStarts; ++i) {
    RUNNEL_ASSIGN(const FirstToken start, time_first_token(options.path.c_str(), open));
    warm.push_back(start);
  }
  figures.cold = median(cold);
  figures.warm = median(warm);
  return figures;
}

void print_start(const StartFigures& f) {
  std::printf(
      "first token of a %u-token prompt, opening included: %.1f ms cold (opening %.1f), %.1f ms warm (opening %.1f)\n",
      kFirstTokenPrompt, f.cold.total_ms, f.cold.open_ms, f.warm.total_ms, f.warm.open_ms);
  if (f.cached_share < 0) {
    std::printf("  whether the cold starts were cold, the system does not tell\n");
  } else if (f.cached_share > kStillCached) {
    std::printf("  the cold starts were not cold: %.0f%% of the file stayed in memory\n", 100 * f.cached_share);
  }
}

void add_start_json(const StartFigures& f, Json* object) {
  (*object)["ttft_cold_ms"] = f.cold.total_ms;
  (*object)["ttft_warm_ms"] = f.warm.total_ms;
  (*object)["open_cold_ms"] = f.cold.open_ms;
  (*object)["open_warm_ms"] = f.warm.open_ms;
  (*object)["ttft_prompt_tokens"] = kFirstTokenPrompt;
  (*object)["cold_cached_percent"] = f.cached_share < 0 ? Json() : Json(100 * f.cached_share);
}

}  // namespace runnel::tools
