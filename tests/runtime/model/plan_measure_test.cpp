// The plan against what the system counts: anonymous and locked bytes of a process that opens a model and fills the
// contexts of all its sessions are never more than planned, and the plan is not much more than them.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "runnel/session.h"
#include "tests/support/instrumented.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

// Anonymous and locked bytes of this process; 0 where the system does not tell.
uint64_t counted_bytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  uint64_t bytes = 0;
  for (std::string line; std::getline(file, line);) {
    char name[64];
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "%63[^:]: %llu kB", name, &kib) != 2) continue;
    if (std::string(name) == "Anonymous" || std::string(name) == "Locked") bytes += kib << 10;
  }
  return bytes;
}

struct Combination {
  const char* name;
  test::TinyModel shape;
  OpenOptions options;
};

std::vector<Combination> combinations() {
  const auto shape = [](uint32_t layers, uint32_t model, uint32_t heads, uint32_t kv_heads, uint32_t head_dim,
                        uint32_t vocab) {
    return test::TinyModel{.layers = layers,
                           .model = model,
                           .ffn = model * 2,
                           .heads = heads,
                           .kv_heads = kv_heads,
                           .head_dim = head_dim,
                           .vocab = vocab,
                           .context = 8192,
                           .ggml_type = 2};
  };
  const auto flat = shape(2, 256, 4, 4, 64, 32000), deep = shape(16, 256, 4, 2, 64, 1000);
  const auto wide = shape(2, 1024, 16, 8, 64, 4000), narrow = shape(8, 128, 2, 1, 64, 320);
  return {
      {"flat, 1 thread", flat, {.context_tokens = 512, .threads = 1}},
      {"flat, 4 sessions", flat, {.context_tokens = 1000, .sessions = 4, .threads = 2}},
      {"flat, logits of 16 rows", flat, {.context_tokens = 700, .threads = 2, .max_logits_rows = 16}},
      {"deep, long", deep, {.context_tokens = 4000, .threads = 2}},
      {"deep, f32 pages", deep, {.context_tokens = 2000, .threads = 3, .kv = KvType::f32}},
      {"deep, short steps", deep, {.context_tokens = 3000, .sessions = 2, .threads = 2, .max_step_tokens = 32}},
      {"wide", wide, {.context_tokens = 2048, .threads = 2}},
      {"wide, 4 threads", wide, {.context_tokens = 900, .sessions = 3, .threads = 4}},
      {"narrow, many sessions", narrow, {.context_tokens = 700, .sessions = 20, .threads = 2}},
      {"narrow, pages on demand", narrow, {.context_tokens = 2000, .sessions = 8, .kv_tokens = 6000, .threads = 2}},
  };
}

struct Counted {
  uint64_t planned = 0, measured = 0;
  bool ok = false;
};

// In a process of its own.
Counted count(const std::string& path, const OpenOptions& options) {
  Counted result;
  malloc_trim(0);  // what the test itself took and freed is not to be used again
  const uint64_t before = counted_bytes();
  auto model = Model::open(path.c_str(), options);
  if (!model.ok()) return result;
  result.planned = model->plan().private_bytes;
  const auto sample = [&] {
    const uint64_t now = counted_bytes();
    result.measured = std::max(result.measured, now > before ? now - before : 0);
  };
  std::vector<Session> sessions;
  const uint32_t vocab = model->info().vocab_size;
  // Of pages on demand there are fewer than all contexts would take.
  uint64_t room = options.kv_tokens == 0 ? UINT64_MAX : options.kv_tokens / 32 * 32;
  for (uint32_t s = 0; s < options.sessions; ++s) {
    auto session = Session::create(*model);
    if (!session.ok()) return result;
    sessions.push_back(*std::move(session));
    const auto tokens = static_cast<uint32_t>(std::min<uint64_t>(options.context_tokens, room));
    if (tokens < 32) continue;
    room -= tokens;
    std::vector<int32_t> ids(tokens - 8);
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>((i * 7919 + s * 104729 + 17) % vocab);
    const SamplerOptions sampler{.temperature = 1, .top_p = 0.9f};
    if (!sessions.back().append(ids).ok()) return result;
    if (options.max_logits_rows > 1) {
      if (!sessions.back().truncate(tokens - 8 - 64).ok()) return result;
      if (!sessions.back().score(std::span(ids).last(64), {}).ok()) return result;
    }
    if (!sessions.back().generate({.max_tokens = 8, .sampler = sampler, .ignore_end = true}).ok()) return result;
    sample();
  }
  result.ok = true;
  return result;
}

TEST(PlanMeasured, IsWhatTheSystemCounts) {
  if (RUNNEL_INSTRUMENTED != 0) GTEST_SKIP() << "a sanitizer's own memory is counted too";
  if (std::string(RUNNEL_EMULATOR) != "") GTEST_SKIP() << "the emulator's own memory is counted too";
  if (counted_bytes() == 0) GTEST_SKIP() << "this system has no /proc/self/smaps_rollup";
  const test::TempFolder folder;
  for (const Combination& each : combinations()) {
    const std::string path = (folder / "model.rnl").string();
    test::convert_tiny(each.shape, "keep", path);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const Counted counted = count(path, each.options);
      const bool sent = write(ends[1], &counted, sizeof counted) == sizeof counted;
      _exit(sent ? 0 : 1);
    }
    close(ends[1]);
    Counted counted;
    ASSERT_EQ(read(ends[0], &counted, sizeof counted), static_cast<ssize_t>(sizeof counted)) << each.name;
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    std::printf("%-26s planned %8.2f MB, counted %8.2f MB\n", each.name, counted.planned / 1e6, counted.measured / 1e6);
    EXPECT_TRUE(counted.ok) << each.name;
    EXPECT_LE(counted.measured, counted.planned) << each.name;
    EXPECT_GE(counted.measured + std::max<uint64_t>(4'000'000, counted.planned / 50), counted.planned) << each.name;
  }
}

}  // namespace
}  // namespace runnel
