#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "runnel/runnel.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

class CApi : public testing::Test {
 protected:
  void SetUp() override {
    runnel_open_options options = {};
    options.struct_bytes = sizeof options;
    options.threads = 1;
    ASSERT_EQ(runnel_model_open(test::tiny_model_path().c_str(), &options, &model_), RUNNEL_OK)
        << runnel_last_message();
    runnel_session_options session_options = {};
    session_options.struct_bytes = sizeof session_options;
    session_options.context_tokens = 64;
    ASSERT_EQ(runnel_session_create(model_, &session_options, &session_), RUNNEL_OK) << runnel_last_message();
  }
  void TearDown() override {
    runnel_model_free(model_);  // before its session: either order is allowed
    runnel_session_free(session_);
  }
  runnel_model* model_ = nullptr;
  runnel_session* session_ = nullptr;
};

TEST_F(CApi, KeysAndValuesByType) {
  const auto kv_bytes = [](runnel_kv_type keys, runnel_kv_type values) -> uint64_t {
    runnel_open_options options = {};
    options.struct_bytes = sizeof options;
    options.context_tokens = 64;
    options.kv_keys = keys;
    options.kv_values = values;
    runnel_plan plan = {};
    plan.struct_bytes = sizeof plan;
    if (runnel_plan_model(test::tiny_model_path().c_str(), &options, &plan) != RUNNEL_OK) return 0;
    for (uint32_t i = 0; i < plan.class_count; ++i)
      if (std::strcmp(plan.classes[i].name, "kv") == 0) return plan.classes[i].bytes;
    return 1;
  };
  const uint64_t f16 = kv_bytes(RUNNEL_KV_F16, RUNNEL_KV_F16);
  EXPECT_EQ(kv_bytes(RUNNEL_KV_DEFAULT, RUNNEL_KV_DEFAULT), f16);
  EXPECT_EQ(kv_bytes(RUNNEL_KV_F32, RUNNEL_KV_F32), 2 * f16);
  EXPECT_EQ(kv_bytes(RUNNEL_KV_F32, RUNNEL_KV_DEFAULT), f16 + f16 / 2);
  EXPECT_EQ(kv_bytes(RUNNEL_KV_DEFAULT, RUNNEL_KV_Q8), f16 / 2 + f16 / 2 * 9 / 16);  // heads of 16: a scale for each 16
  EXPECT_EQ(kv_bytes(RUNNEL_KV_Q8, static_cast<runnel_kv_type>(77)), 0u);
}

TEST_F(CApi, WholeWay) {
  EXPECT_EQ(runnel_session_context(session_), 64u);
  int32_t ids[64];
  size_t count = 0;
  ASSERT_EQ(runnel_tokenize(model_, "Hello", 5, false, false, ids, 64, &count), RUNNEL_OK);
  ASSERT_EQ(runnel_append(session_, ids, count), RUNNEL_OK);
  runnel_sampler_options sampler = {};
  sampler.struct_bytes = sizeof sampler;
  sampler.temperature = 1;
  runnel_generate_options options = {};
  options.struct_bytes = sizeof options;
  options.max_tokens = 10;
  options.sampler = &sampler;
  options.ignore_end = true;
  const runnel_text stop = {"\x01\x02", 2};
  options.stop = &stop;
  options.stop_count = 1;
  runnel_generation done = {};
  done.struct_bytes = sizeof done;
  std::string text;
  const auto collect = [](void* context, const char* piece, size_t bytes) {
    static_cast<std::string*>(context)->append(piece, bytes);
    return true;
  };
  ASSERT_EQ(runnel_generate(session_, &options, collect, &text, &done), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(done.generated_tokens, 10u);
  EXPECT_EQ(done.finish, RUNNEL_FINISH_LENGTH);
  EXPECT_EQ(done.prompt_tokens, count);

  const int32_t* tokens = nullptr;
  size_t token_count = 0;
  ASSERT_EQ(runnel_session_tokens(session_, &tokens, &token_count), RUNNEL_OK);
  EXPECT_EQ(token_count, count + 10);
  char buffer[256];
  size_t bytes = 0;
  EXPECT_EQ(runnel_detokenize(model_, tokens, count, false, buffer, sizeof buffer, &bytes), RUNNEL_OK);
  EXPECT_EQ(std::string(buffer, bytes), "Hello");

  const float* logits = nullptr;
  size_t width = 0;
  ASSERT_EQ(runnel_logits(session_, &logits, &width), RUNNEL_OK);
  EXPECT_EQ(width, 320u);
  int32_t next = -1;
  ASSERT_EQ(runnel_next(session_, nullptr, &next), RUNNEL_OK);
  EXPECT_GE(next, 0);
  ASSERT_EQ(runnel_truncate(session_, 2), RUNNEL_OK);
  const std::string chat = R"([{"role":"user","content":"Hi"}])";
  ASSERT_EQ(runnel_set_chat(session_, chat.data(), chat.size()), RUNNEL_OK) << runnel_last_message();
  runnel_session_cancel(session_);
  EXPECT_EQ(runnel_append(session_, ids, count), RUNNEL_CANCELLED);
  runnel_session_cancel(session_);
  runnel_session_clear_cancel(session_);
  EXPECT_EQ(runnel_append(session_, ids, count), RUNNEL_OK);
  EXPECT_EQ(runnel_model_verify(model_), RUNNEL_OK);
}

TEST_F(CApi, SavesAndRestores) {
  const test::TempFolder folder;
  const std::string path = (folder / "session.rns").string();
  const std::vector<int32_t> ids = {10, 20, 30, 40};
  runnel_sampler_options sampler = {};
  sampler.struct_bytes = sizeof sampler;
  sampler.temperature = 1;
  runnel_generate_options options = {};
  options.struct_bytes = sizeof options;
  options.max_tokens = 8;
  options.sampler = &sampler;
  options.ignore_end = true;
  options.keep_generator = true;
  ASSERT_EQ(runnel_append(session_, ids.data(), ids.size()), RUNNEL_OK);
  ASSERT_EQ(runnel_generate(session_, &options, nullptr, nullptr, nullptr), RUNNEL_OK) << runnel_last_message();
  ASSERT_EQ(runnel_session_save(session_, path.c_str()), RUNNEL_OK) << runnel_last_message();
  const auto go_on = [&] {
    EXPECT_EQ(runnel_generate(session_, &options, nullptr, nullptr, nullptr), RUNNEL_OK) << runnel_last_message();
    const int32_t* tokens = nullptr;
    size_t count = 0;
    EXPECT_EQ(runnel_session_tokens(session_, &tokens, &count), RUNNEL_OK);
    return std::vector<int32_t>(tokens, tokens + count);
  };
  const std::vector<int32_t> said = go_on();
  EXPECT_EQ(said.size(), 20u);
  ASSERT_EQ(runnel_session_restore(session_, path.c_str()), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(go_on(), said);
  EXPECT_EQ(runnel_session_restore(session_, "/no/such.rns"), RUNNEL_IO);
  EXPECT_EQ(runnel_session_restore(session_, test::tiny_model_path().c_str()), RUNNEL_CORRUPT_FILE);
  EXPECT_EQ(runnel_session_save(nullptr, path.c_str()), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_session_save(session_, nullptr), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_session_restore(nullptr, path.c_str()), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_session_restore(session_, nullptr), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(go_on().size(), 28u) << "as it was before";
}

TEST_F(CApi, CapacityTooSmallSaysHowMuchIsNeeded) {
  size_t count = 0;
  EXPECT_EQ(runnel_tokenize(model_, "Hello there", 11, false, false, nullptr, 0, &count), RUNNEL_INVALID_ARGUMENT);
  EXPECT_GT(count, 0u);
  std::vector<int32_t> ids(count);
  EXPECT_EQ(runnel_tokenize(model_, "Hello there", 11, false, false, ids.data(), count, &count), RUNNEL_OK);
}

TEST_F(CApi, InfoAndPlan) {
  runnel_info info = {};
  EXPECT_EQ(runnel_model_info(model_, &info), RUNNEL_INVALID_ARGUMENT);  // struct_bytes is missing
  EXPECT_NE(std::string(runnel_last_message()).find("struct_bytes"), std::string::npos);
  info.struct_bytes = sizeof info;
  ASSERT_EQ(runnel_model_info(model_, &info), RUNNEL_OK);
  EXPECT_EQ(std::string(info.architecture.data, info.architecture.bytes), "llama");
  EXPECT_EQ(info.hash.bytes, 64u);
  EXPECT_TRUE(info.has_chat_template);
  runnel_plan plan = {};
  plan.struct_bytes = sizeof plan;
  ASSERT_EQ(runnel_plan_model(test::tiny_model_path().c_str(), nullptr, &plan), RUNNEL_OK);
  EXPECT_EQ(plan.context_tokens, 128u);
  EXPECT_TRUE(plan.fits);
  EXPECT_STREQ(plan.classes[0].name, "weights");
  EXPECT_EQ(plan.kv_keys, RUNNEL_KV_F16);
  EXPECT_STREQ(plan.kv_why, "");
  runnel_open_options options = {};
  options.struct_bytes = sizeof options;
  options.kv_keys = options.kv_values = RUNNEL_KV_Q4;
  ASSERT_EQ(runnel_plan_model(test::tiny_model_path().c_str(), &options, &plan), RUNNEL_OK);
  EXPECT_EQ(plan.kv_keys, RUNNEL_KV_Q8) << "the tiny model's heads are short";
  EXPECT_EQ(plan.kv_values, RUNNEL_KV_Q4);
  EXPECT_STRNE(plan.kv_why, "");
}

// Sessions that share, fork, slide and follow a text, from C.
TEST(CApiSessions, ShareForkSlideAndSync) {
  runnel_open_options options = {};
  options.struct_bytes = sizeof options;
  options.threads = 1;
  options.sessions = 3;
  options.kv_tokens = 256;
  options.sync_sessions = 1;
  runnel_model* model = nullptr;
  ASSERT_EQ(runnel_model_open(test::tiny_model_path().c_str(), &options, &model), RUNNEL_OK) << runnel_last_message();
  runnel_session_options slides = {};
  slides.struct_bytes = sizeof slides;
  slides.context_tokens = 64;
  slides.when_full = RUNNEL_WHEN_FULL_SLIDE;
  runnel_session *first = nullptr, *second = nullptr, *copy = nullptr;
  ASSERT_EQ(runnel_session_create(model, &slides, &first), RUNNEL_OK) << runnel_last_message();
  ASSERT_EQ(runnel_session_create(model, nullptr, &second), RUNNEL_OK) << runnel_last_message();

  const std::string text = "Once upon a time there was a quick brown fox and a dog";
  ASSERT_EQ(runnel_sync(first, text.data(), text.size()), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(runnel_sync(second, text.data(), text.size()), RUNNEL_OVER_BUDGET);
  runnel_generate_options generate = {};
  generate.struct_bytes = sizeof generate;
  generate.max_tokens = 70;
  generate.ignore_end = true;
  runnel_generation done = {};
  done.struct_bytes = sizeof done;
  ASSERT_EQ(runnel_generate(first, &generate, nullptr, nullptr, &done), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(done.finish, RUNNEL_FINISH_LENGTH);
  EXPECT_EQ(done.generated_tokens, 70u);  // more than the context: it slid
  const uint32_t prompt = done.prompt_tokens;

  ASSERT_EQ(runnel_append_text(second, text.data(), text.size()), RUNNEL_OK) << runnel_last_message();
  generate.max_tokens = 1;
  ASSERT_EQ(runnel_generate(second, &generate, nullptr, nullptr, &done), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(done.prompt_tokens, prompt);
  EXPECT_GT(done.reused_tokens, 0u);
  ASSERT_EQ(runnel_session_fork(second, &copy), RUNNEL_OK) << runnel_last_message();
  const int32_t *ids = nullptr, *copied = nullptr;
  size_t count = 0, copied_count = 0;
  ASSERT_EQ(runnel_session_tokens(second, &ids, &count), RUNNEL_OK);
  ASSERT_EQ(runnel_session_tokens(copy, &copied, &copied_count), RUNNEL_OK);
  EXPECT_EQ(std::vector<int32_t>(ids, ids + count), std::vector<int32_t>(copied, copied + copied_count));

  runnel_kv_usage usage = {};
  EXPECT_EQ(runnel_model_kv_usage(model, &usage), RUNNEL_INVALID_ARGUMENT);
  usage.struct_bytes = sizeof usage;
  ASSERT_EQ(runnel_model_kv_usage(model, &usage), RUNNEL_OK);
  EXPECT_GT(usage.used_bytes, 0u);
  EXPECT_GT(usage.shared_bytes, 0u);
  runnel_session_free(second);
  runnel_session_free(copy);
  uint64_t bytes = 0;
  EXPECT_EQ(runnel_model_trim(model, static_cast<runnel_trim_level>(7), &bytes), RUNNEL_INVALID_ARGUMENT);
  ASSERT_EQ(runnel_model_trim(model, RUNNEL_TRIM_PREFIXES, &bytes), RUNNEL_OK);

  runnel_effort effort = {};
  EXPECT_EQ(runnel_model_set_effort(model, &effort), RUNNEL_INVALID_ARGUMENT);
  effort.struct_bytes = sizeof effort;
  effort.tokens_per_second = -1;
  EXPECT_EQ(runnel_model_set_effort(model, &effort), RUNNEL_INVALID_ARGUMENT);
  EXPECT_NE(std::string(runnel_last_message()).find("-1 tokens a second"), std::string::npos) << runnel_last_message();
  effort.tokens_per_second = 0;
  effort.yielding = true;
  EXPECT_EQ(runnel_model_set_effort(model, &effort), RUNNEL_OK);
  EXPECT_EQ(runnel_model_set_effort(model, nullptr), RUNNEL_OK);
  EXPECT_GT(bytes, 0u);
  ASSERT_EQ(runnel_model_kv_usage(model, &usage), RUNNEL_OK);
  EXPECT_EQ(usage.cached_bytes, 0u);

  const std::string chat = R"([{"role":"user","content":"Hi"}])";
  ASSERT_EQ(runnel_sync_chat(first, chat.data(), chat.size()), RUNNEL_OK) << runnel_last_message();
  ASSERT_EQ(runnel_session_tokens(first, &ids, &count), RUNNEL_OK);
  const std::vector<int32_t> synced(ids, ids + count);
  ASSERT_EQ(runnel_set_chat(first, chat.data(), chat.size()), RUNNEL_OK);
  ASSERT_EQ(runnel_session_tokens(first, &ids, &count), RUNNEL_OK);
  EXPECT_EQ(std::vector<int32_t>(ids, ids + count), synced);
  runnel_session_free(first);
  runnel_model_free(model);
}

// An app built before fields were appended keeps working: its structs are shorter.
TEST(CApiSessions, StructsOfAnOlderApp) {
  runnel_open_options options = {};
  options.struct_bytes = offsetof(runnel_open_options, weights_mode);
  options.threads = 1;
  options.sync_sessions = 77;  // not valid, and not looked at
  runnel_model* model = nullptr;
  ASSERT_EQ(runnel_model_open(test::tiny_model_path().c_str(), &options, &model), RUNNEL_OK) << runnel_last_message();
  runnel_session* session = nullptr;
  ASSERT_EQ(runnel_session_create(model, nullptr, &session), RUNNEL_OK);
  ASSERT_EQ(runnel_append_text(session, "Hi", 2), RUNNEL_OK);
  runnel_generate_options generate = {};
  generate.struct_bytes = sizeof generate;
  generate.max_tokens = 1;
  runnel_generation done = {};
  done.struct_bytes = offsetof(runnel_generation, reused_tokens);
  done.reused_tokens = 77;
  ASSERT_EQ(runnel_generate(session, &generate, nullptr, nullptr, &done), RUNNEL_OK) << runnel_last_message();
  EXPECT_EQ(done.reused_tokens, 77u);  // not written
  EXPECT_GT(done.prompt_tokens, 0u);
  options.struct_bytes = 8;
  EXPECT_EQ(runnel_model_open(test::tiny_model_path().c_str(), &options, &model), RUNNEL_INVALID_ARGUMENT);
  runnel_session_free(session);
  runnel_model_free(model);
}

// The text of a device means what it means to the command; without a back end there is only the CPU.
TEST_F(CApi, DevicesAreNamed) {
  runnel_open_options options = {};
  options.struct_bytes = sizeof options;
  options.threads = 1;
  const auto open = [&](const runnel_back_end* back_end, const char* device) {
    options.back_end = back_end;
    options.device = device;
    runnel_model* model = nullptr;
    const runnel_status status = runnel_model_open(test::tiny_model_path().c_str(), &options, &model);
    runnel_model_free(model);
    return status;
  };
  EXPECT_EQ(open(nullptr, "cpu"), RUNNEL_OK);
  EXPECT_EQ(open(runnel_vulkan(), "cpu"), RUNNEL_OK);
  EXPECT_EQ(open(nullptr, "vulkan:0"), RUNNEL_UNSUPPORTED);
  EXPECT_STREQ(runnel_last_message(), "device: vulkan:0 needs a back end, and none is named");
  EXPECT_EQ(open(nullptr, "auto"), RUNNEL_UNSUPPORTED);
  EXPECT_EQ(open(runnel_vulkan(), "vulkano"), RUNNEL_INVALID_ARGUMENT);
  EXPECT_STREQ(runnel_last_message(), "device: vulkano is not cpu, vulkan, vulkan:N, vulkan:UUID or auto");
  EXPECT_EQ(open(runnel_vulkan(), "auto"), RUNNEL_OK) << runnel_last_message();  // whatever this machine has
  options.submission_ms = 1001;
  EXPECT_EQ(open(nullptr, nullptr), RUNNEL_INVALID_ARGUMENT);
}

TEST_F(CApi, OnTheCpuThereIsNoPlacement) {
  EXPECT_EQ(runnel_model_placement_count(model_), 0u);
  EXPECT_EQ(runnel_model_placement_count(nullptr), 0u);
  runnel_placement row = {};
  row.struct_bytes = sizeof row;
  EXPECT_EQ(runnel_model_placement(model_, 0, &row), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_model_placement(nullptr, 0, &row), RUNNEL_INVALID_ARGUMENT);
  runnel_info info = {};
  info.struct_bytes = sizeof info;
  ASSERT_EQ(runnel_model_info(model_, &info), RUNNEL_OK);
  EXPECT_EQ(std::string(info.device.data, info.device.bytes), "cpu");
  EXPECT_EQ(info.device_note.bytes, 0u);
  info.struct_bytes = offsetof(runnel_info, device);  // an older app's
  info.device.bytes = 77;
  ASSERT_EQ(runnel_model_info(model_, &info), RUNNEL_OK);
  EXPECT_EQ(info.device.bytes, 77u);
}

TEST_F(CApi, NothingIsAnInvalidArgument) {
  runnel_model_free(nullptr);
  runnel_session_free(nullptr);
  runnel_session_cancel(nullptr);
  runnel_session_clear_cancel(nullptr);
  EXPECT_EQ(runnel_session_context(nullptr), 0u);
  size_t count = 0;
  int32_t id = 0;
  const float* logits = nullptr;
  const int32_t* ids = nullptr;
  runnel_model* model = nullptr;
  runnel_session* session = nullptr;
  EXPECT_EQ(runnel_model_open(nullptr, nullptr, &model), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_model_open("x", nullptr, nullptr), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_session_create(nullptr, nullptr, &session), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_append(nullptr, &id, 1), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_append(session_, nullptr, 1), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_append_text(session_, nullptr, 1), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_set_chat(session_, nullptr, 0), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_next(session_, nullptr, nullptr), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_next(session_, nullptr, &id), RUNNEL_INVALID_ARGUMENT);  // an empty session
  EXPECT_EQ(runnel_logits(session_, &logits, nullptr), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_truncate(session_, 5), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_session_tokens(session_, &ids, nullptr), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_tokenize(model_, nullptr, 3, true, true, nullptr, 0, &count), RUNNEL_INVALID_ARGUMENT);
  EXPECT_EQ(runnel_model_open("/no/such.rnl", nullptr, &model), RUNNEL_IO);
  EXPECT_STREQ(runnel_status_name(RUNNEL_OVER_BUDGET), "over_budget");
  EXPECT_STREQ(runnel_version(), RUNNEL_VERSION);
  EXPECT_STREQ(runnel_status_name(99), "unknown");
}

}  // namespace
}  // namespace runnel
