// A device chosen through the C API: the answer is the C++ API's, and the placement can be read.
#include <gtest/gtest.h>

#include <string>

#include "runnel/runnel.h"
#include "tests/graph/vulkan/vulkan_device.h"
#include "tests/support/tiny_model_file.h"

namespace runnel {
namespace {

class VulkanCApi : public testing::Test {
 protected:
  void SetUp() override {
    const test::VulkanDevice device;
    RUNNEL_NEEDS_VULKAN(device);
    name_ = device->info().name;
    uuid_ = device->info().uuid;
    index_ = device->info().index;
  }

  // What the model says to a prompt, on the device that `device` names; "" and the message where it cannot be opened.
  std::string answer(const runnel_back_end* back_end, const char* device) {
    runnel_open_options options = {};
    options.struct_bytes = sizeof options;
    options.threads = 1;
    options.activations = RUNNEL_ACTIVATIONS_F32;
    options.back_end = back_end;
    options.device = device;
    options.submission_ms = 2;
    runnel_model* model = nullptr;
    runnel_session* session = nullptr;
    std::string text;
    EXPECT_EQ(runnel_model_open(test::tiny_model_path().c_str(), &options, &model), RUNNEL_OK) << runnel_last_message();
    if (model == nullptr) return text;
    EXPECT_EQ(runnel_session_create(model, nullptr, &session), RUNNEL_OK);
    EXPECT_EQ(runnel_append_text(session, "Hello there", 11), RUNNEL_OK) << runnel_last_message();
    runnel_generate_options generate = {};
    generate.struct_bytes = sizeof generate;
    generate.max_tokens = 24;
    const auto collect = [](void* context, const char* piece, size_t bytes) {
      static_cast<std::string*>(context)->append(piece, bytes);
      return true;
    };
    EXPECT_EQ(runnel_generate(session, &generate, collect, &text, nullptr), RUNNEL_OK) << runnel_last_message();
    on_device_ = on_cpu_ = 0;
    for (size_t i = 0; i < runnel_model_placement_count(model); ++i) {
      runnel_placement row = {};
      row.struct_bytes = sizeof row;
      EXPECT_EQ(runnel_model_placement(model, i, &row), RUNNEL_OK);
      EXPECT_STRNE(row.what, "");
      EXPECT_EQ(row.on_device, *row.why == '\0') << row.what << ": " << row.why;
      (row.on_device ? on_device_ : on_cpu_) += row.nodes;
    }
    runnel_info info = {};
    info.struct_bytes = sizeof info;
    EXPECT_EQ(runnel_model_info(model, &info), RUNNEL_OK);
    ran_on_.assign(info.device.data, info.device.bytes);
    runnel_session_free(session);
    runnel_model_free(model);
    return text;
  }

  std::string name_, uuid_, ran_on_;
  uint32_t index_ = 0, on_device_ = 0, on_cpu_ = 0;
};

TEST_F(VulkanCApi, ByIndexUuidOrTheBest) {
  const std::string wanted = answer(nullptr, nullptr);
  EXPECT_EQ(ran_on_, "cpu");
  EXPECT_EQ(on_device_ + on_cpu_, 0u);
  EXPECT_GT(wanted.size(), 10u);
  const std::string by_index = "vulkan:" + std::to_string(index_), by_uuid = "vulkan:" + uuid_.substr(0, 12);
  for (const char* device : {static_cast<const char*>(nullptr), "vulkan", by_index.c_str(), by_uuid.c_str()}) {
    EXPECT_EQ(answer(runnel_vulkan(), device), wanted);
    EXPECT_EQ(ran_on_, name_);
    EXPECT_GT(on_device_, 10u);
    EXPECT_EQ(on_cpu_, 1u);  // the table of positions
  }
  EXPECT_EQ(answer(runnel_vulkan(), "cpu"), wanted);
  EXPECT_EQ(ran_on_, "cpu");
}

}  // namespace
}  // namespace runnel
