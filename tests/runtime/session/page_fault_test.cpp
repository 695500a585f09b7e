// With resident weights a decode step after the first asks the system for no memory but KV pages that it is the first
// to write.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runnel/session.h"
#include "tests/support/instrumented.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

constexpr uint32_t kPrompt = 8, kContext = 2600;
constexpr uint32_t kPageTokens = 32;

// Of all threads of the process.
uint64_t page_faults() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_minflt) + static_cast<uint64_t>(usage.ru_majflt);
}

struct Generating {
  explicit Generating(const std::string& path) {
    // All chunks are hashed at open: the thread that does it later is no part of a step.
    OpenOptions options{.context_tokens = kContext, .threads = 2};
    options.verify = Verify::eager;
    options.weights_mode = WeightsMode::resident;
    auto opened = Model::open(path.c_str(), options);
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    model = *std::move(opened);
    auto created = Session::create(*model);
    EXPECT_TRUE(created.ok()) << created.status().message();
    session = *std::move(created);
    std::vector<int32_t> prompt(kPrompt);
    for (uint32_t i = 0; i < kPrompt; ++i) prompt[i] = static_cast<int32_t>(3 + i * 7919 % 7000);
    EXPECT_TRUE(session->append(prompt).ok());
  }
  bool step(SamplerOptions options) {
    // Every second step draws among few: lists that only the others fill have been backed all the same.
    options.top_k = session->position() % 2 == 0 ? 1 : 0;
    return session->next(options).ok();
  }

  std::optional<Model> model;
  std::optional<Session> session;
};

// Page faults of each decode step after the first, up to the end of the context.
std::vector<uint64_t> faults_of_steps(const std::string& path, const SamplerOptions& sampler) {
  // Pages of the program itself and of the libraries that it uses are mapped as they are first run: not what is asked
  // here. What the first one has touched, and the test before it, is not to serve the second.
  Generating warm(path);
  for (uint32_t i = kPrompt; i < kContext; ++i) EXPECT_TRUE(warm.step(sampler));
  malloc_trim(0);
  Generating generating(path);
  EXPECT_TRUE(generating.step(sampler));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // its worker may not have begun yet on a busy machine
  std::vector<uint64_t> faults(kContext - kPrompt - 1);
  bool ok = true;
  for (uint64_t& each : faults) {
    const uint64_t before = page_faults();
    ok = generating.step(sampler) && ok;
    each = page_faults() - before;
  }
  EXPECT_TRUE(ok);
  return faults;
}

TEST(PageFaults, ADecodeStepTouchesNothingNewButItsKeysAndValues) {
  if (RUNNEL_INSTRUMENTED != 0) GTEST_SKIP() << "a sanitizer's own memory is touched too";
  if (std::string(RUNNEL_EMULATOR) != "") GTEST_SKIP() << "the emulator's own memory is touched too";
  const test::TempFolder folder;
  const std::string path = (folder / "model.rnl").string();
  const test::TinyModel shape{.layers = 4,
                              .model = 256,
                              .ffn = 704,
                              .heads = 4,
                              .kv_heads = 2,
                              .head_dim = 64,
                              .vocab = 8000,
                              .context = 4096,
                              .ggml_type = 2};
  test::convert_tiny(shape, "keep", path);
  const uint64_t page_bytes = kPageTokens * shape.layers * 2 * shape.kv_heads * shape.head_dim * sizeof(uint16_t);
  const uint64_t most = page_bytes / static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  for (const SamplerOptions& sampler : {SamplerOptions{.temperature = 0},
                                        SamplerOptions{.temperature = 1, .top_p = 0.9f, .repetition_penalty = 1.1f}}) {
    const std::vector<uint64_t> faults = faults_of_steps(path, sampler);
    for (uint32_t i = 0; i < faults.size(); ++i) {
      const uint32_t position = kPrompt + 1 + i;
      EXPECT_LE(faults[i], position % kPageTokens == 0 ? most : 0) << "position " << position;
    }
  }
}

}  // namespace
}  // namespace runnel
