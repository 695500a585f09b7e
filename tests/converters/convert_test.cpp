// Conversion end to end: twins from both source formats, the report, and every refusal with its cause.
#include "converters/convert.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "graph/file/model_file.h"
#include "kernels/dtype.h"
#include "runtime/pool/worker_pool.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/tiny_models.h"

namespace runnel {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TempFolder;
using test::TinyModel;

testing::AssertionResult says(const Status& status, Code code, const char* part) {
  if (status.code() == code && std::string_view(status.message()).find(part) != std::string_view::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "code " << static_cast<int>(status.code()) << ": " << status.message();
}

class Convert : public testing::Test {
 protected:
  Status run(const fs::path& input, WeightsOut weights = WeightsOut::f32, const char* output = "out.rnl") {
    ConvertOptions options;
    options.input = input.string();
    options.output = (temp / output).string();
    options.weights = weights;
    report = {};
    return convert(options, &report);
  }
  ModelFile opened(const char* output = "out.rnl") {
    Result<ModelFile> file = ModelFile::open((temp / output).c_str(), {.verify = Verify::eager});
    if (!file.ok()) throw std::runtime_error(file.status().message());
    return *std::move(file);
  }
  // No file under the final name, no partial one.
  void expect_nothing_left() {
    for (const auto& entry : fs::directory_iterator(temp.path()))
      EXPECT_EQ(entry.path().filename().string().find("out.rnl"), std::string::npos) << entry.path();
  }
  // `value` is JSON.
  void edit_config(const fs::path& folder, const char* key, const char* value) {
    std::ifstream in(folder / "config.json");
    json config = json::parse(in);
    config[key] = json::parse(value);
    std::ofstream(folder / "config.json") << config;
  }

  TempFolder temp;
  ConvertReport report;
};

struct Twin {
  const char* name;
  TinyModel model;
  uint32_t shards;
};

class ConvertTwins : public testing::TestWithParam<Twin> {};

// The GGUF file and the folder hold the same weights: the same graph and the same packed bytes come out, for each kind
// of model and of rope scaling.
TEST_P(ConvertTwins, BothSourcesGiveTheSameModel) {
  TempFolder temp;
  const TinyModel& m = GetParam().model;
  test::write_tiny_gguf(temp / "tiny.gguf", m);
  test::write_tiny_folder(temp / "hf", m, GetParam().shards);
  for (WeightsOut weights : {WeightsOut::f32, WeightsOut::q4}) {
    for (const char* side : {"tiny.gguf", "hf"}) {
      ConvertOptions options;
      options.input = (temp / side).string();
      options.output = (temp / (std::string(side) + ".rnl")).string();
      options.weights = weights;
      const Status status = convert(options, nullptr);
      ASSERT_TRUE(status.ok()) << status.message();
    }
    Result<ModelFile> a = ModelFile::open((temp / "tiny.gguf.rnl").c_str());
    Result<ModelFile> b = ModelFile::open((temp / "hf.rnl").c_str());
    ASSERT_TRUE(a.ok() && b.ok());
    const Graph &ga = a->graph(), &gb = b->graph();
    ASSERT_EQ(ga.nodes.size(), gb.nodes.size());
    for (size_t i = 0; i < ga.nodes.size(); ++i) {
      EXPECT_EQ(ga.nodes[i].op, gb.nodes[i].op);
      EXPECT_TRUE(std::equal(ga.nodes[i].attrs, ga.nodes[i].attrs + kMaxAttrs, gb.nodes[i].attrs)) << "node " << i;
    }
    ASSERT_EQ(ga.tensors.size(), gb.tensors.size());
    for (uint32_t i = 0; i < ga.tensors.size(); ++i) {
      EXPECT_STREQ(ga.tensors[i].name, gb.tensors[i].name);
      ASSERT_EQ(ga.tensors[i].bytes, gb.tensors[i].bytes);
      EXPECT_EQ(std::memcmp(a->tensor_data(i), b->tensor_data(i), ga.tensors[i].bytes), 0) << ga.tensors[i].name;
    }
    EXPECT_EQ(a->context_length(), b->context_length());
    EXPECT_TRUE(std::equal(a->end_ids().begin(), a->end_ids().end(), b->end_ids().begin(), b->end_ids().end()));
    EXPECT_EQ(a->chat_template(), b->chat_template());
  }
}
INSTANTIATE_TEST_SUITE_P(, ConvertTwins,
                         testing::Values(Twin{"llama", {}, 1}, Twin{"tied", {.tied = true}, 1},
                                         Twin{"bias", {.attention_bias = true}, 1}, Twin{"qwen2", {.arch = "qwen2"}, 1},
                                         Twin{"qwen3_sharded", {.arch = "qwen3", .head_dim = 32}, 3},
                                         Twin{"linear", {.rope = "linear"}, 1},
                                         Twin{"llama3", {.layers = 3, .rope = "llama3"}, 2},
                                         Twin{"yarn", {.arch = "qwen2", .rope = "yarn"}, 1}),
                         [](const auto& param) { return param.param.name; });

TEST_F(Convert, ReportSaysWhatBecameOfEachTensor) {
  test::write_tiny_folder(temp / "hf", {});
  ASSERT_TRUE(run(temp / "hf", WeightsOut::automatic).ok());
  EXPECT_EQ(report.architecture, "llama");
  EXPECT_EQ(report.bytes_in, fs::file_size(temp / "hf/model.safetensors"));
  EXPECT_EQ(report.bytes_out, fs::file_size(temp / "out.rnl"));
  EXPECT_GT(report.bits_per_weight, 4.5);
  EXPECT_LT(report.bits_per_weight, 9);
  ASSERT_GE(report.tensors.size(), 3u);
  for (size_t i = 1; i < report.tensors.size(); ++i)
    EXPECT_LE(report.tensors[i].relative_rms, report.tensors[i - 1].relative_rms);
  for (const ConvertedTensor& tensor : report.tensors) {
    const bool table = tensor.name == "embed" || tensor.name == "lm_head";
    if (tensor.to == "f32") {
      EXPECT_EQ(tensor.relative_rms, 0) << tensor.name;
    } else {
      EXPECT_EQ(tensor.to, table ? "q8g32" : "q4g32") << tensor.name;
      EXPECT_NEAR(tensor.relative_rms, table ? 0.005 : 0.08, table ? 0.003 : 0.03) << tensor.name;
    }
  }
  EXPECT_EQ(opened().weights_label(), "q4");
}

TEST_F(Convert, AutomaticKeepsAQuantisedSource) {
  test::write_tiny_gguf(temp / "tiny.gguf", {.ggml_type = 8});
  ASSERT_TRUE(run(temp / "tiny.gguf", WeightsOut::automatic).ok());
  const ModelFile file = opened();
  EXPECT_EQ(file.weights_label(), "keep");
  for (const TensorDesc& desc : file.graph().tensors)
    EXPECT_EQ(desc.dtype, desc.rows == 1 ? DType::f32 : DType::q8g32) << desc.name;
  for (const ConvertedTensor& tensor : report.tensors) EXPECT_EQ(tensor.relative_rms, 0) << tensor.name;
}

TEST_F(Convert, ThreadsAndShardsDoNotChangeTheWeights) {
  test::write_tiny_folder(temp / "hf", {.model = 128, .ffn = 256, .vocab = 640});
  ASSERT_TRUE(run(temp / "hf", WeightsOut::q4).ok());
  Result<WorkerPool> pool = WorkerPool::create(3);
  ASSERT_TRUE(pool.ok());
  ConvertOptions options;
  options.input = (temp / "hf").string();
  options.output = (temp / "again.rnl").string();
  options.weights = WeightsOut::q4;
  options.workers = &*pool;
  ASSERT_TRUE(convert(options, nullptr).ok());
  EXPECT_EQ(opened().hash_hex(), opened("again.rnl").hash_hex());
}

TEST_F(Convert, QwenWindowsComeFromTheConfiguration) {
  test::write_tiny_folder(temp / "hf", {.arch = "qwen2", .layers = 3});
  edit_config(temp / "hf", "sliding_window", "16");
  edit_config(temp / "hf", "use_sliding_window", "true");
  edit_config(temp / "hf", "max_window_layers", "1");
  ASSERT_TRUE(run(temp / "hf").ok());
  const auto windows = [&] {
    std::vector<uint32_t> out;
    const ModelFile file = opened();
    for (const StateSlot& slot : file.graph().slots) out.push_back(slot.window);
    return out;
  };
  EXPECT_EQ(windows(), (std::vector<uint32_t>{0, 16, 16}));
  edit_config(temp / "hf", "layer_types", R"(["sliding_attention", "full_attention", "full_attention"])");
  ASSERT_TRUE(run(temp / "hf").ok());
  EXPECT_EQ(windows(), (std::vector<uint32_t>{16, 0, 0}));
  edit_config(temp / "hf", "use_sliding_window", "false");
  ASSERT_TRUE(run(temp / "hf").ok());
  EXPECT_EQ(windows(), (std::vector<uint32_t>{0, 0, 0}));
}

TEST_F(Convert, RefusesInputsThatAreNoModel) {
  EXPECT_TRUE(says(run(temp / "absent"), Code::io, "does not exist"));
  std::ofstream(temp / "text.gguf") << "this is not a model at all";
  EXPECT_TRUE(says(run(temp / "text.gguf"), Code::unsupported, "neither a GGUF file nor a Hugging Face folder"));
  std::ofstream(temp / "empty.gguf").flush();
  EXPECT_TRUE(says(run(temp / "empty.gguf"), Code::unsupported, "neither"));
  fs::create_directory(temp / "bare");
  EXPECT_TRUE(says(run(temp / "bare"), Code::unsupported, "neither"));
  std::ofstream(temp / "bare/config.json") << "{\"model_type\":\"llama\"}";
  EXPECT_TRUE(says(run(temp / "bare"), Code::io, "model.safetensors"));
  expect_nothing_left();
}

TEST_F(Convert, RefusesTruncatedSources) {
  test::write_tiny_gguf(temp / "tiny.gguf", {});
  fs::resize_file(temp / "tiny.gguf", fs::file_size(temp / "tiny.gguf") - 100);
  EXPECT_TRUE(says(run(temp / "tiny.gguf"), Code::corrupt_file, "cut short"));
  test::write_tiny_folder(temp / "hf", {});
  fs::resize_file(temp / "hf/model.safetensors", fs::file_size(temp / "hf/model.safetensors") - 100);
  EXPECT_TRUE(says(run(temp / "hf"), Code::corrupt_file, "cut short"));
  expect_nothing_left();
}

TEST_F(Convert, NamesWhatIsMissingOrUnknown) {
  test::write_tiny_folder(temp / "hf", {});
  edit_config(temp / "hf", "num_hidden_layers", "3");
  EXPECT_TRUE(says(run(temp / "hf"), Code::corrupt_file, "no tensor model.layers.2.input_layernorm.weight"));
  edit_config(temp / "hf", "num_hidden_layers", "1");
  EXPECT_TRUE(says(run(temp / "hf"), Code::unsupported, "has a tensor 'model.layers.1."));
  edit_config(temp / "hf", "num_hidden_layers", "2");
  edit_config(temp / "hf", "attention_bias", "true");
  EXPECT_TRUE(says(run(temp / "hf"), Code::corrupt_file, "no tensor model.layers.0.self_attn.q_proj.bias"));
  edit_config(temp / "hf", "attention_bias", "false");
  edit_config(temp / "hf", "intermediate_size", "100");
  EXPECT_TRUE(says(run(temp / "hf"), Code::corrupt_file, "is (96, 64), llama expects (100, 64)"));
  edit_config(temp / "hf", "intermediate_size", "96");
  edit_config(temp / "hf", "model_type", R"("mamba")");
  EXPECT_TRUE(says(run(temp / "hf"), Code::unsupported, "unknown architecture 'mamba' (known: llama, qwen2, qwen3)"));
  edit_config(temp / "hf", "model_type", R"("llama")");
  edit_config(temp / "hf", "hidden_act", R"("relu2")");
  EXPECT_TRUE(says(run(temp / "hf"), Code::unsupported, "hidden_act 'relu2'"));
  edit_config(temp / "hf", "hidden_act", R"("silu")");
  edit_config(temp / "hf", "rope_parameters", R"({"rope_type": "longrope", "rope_theta": 1e4})");
  EXPECT_TRUE(says(run(temp / "hf"), Code::unsupported, "'longrope'"));
  edit_config(temp / "hf", "rope_parameters", "null");
  edit_config(temp / "hf", "quantization_config", R"({"quant_method": "gptq"})");
  EXPECT_TRUE(says(run(temp / "hf"), Code::unsupported, "'gptq'"));
  expect_nothing_left();
}

TEST_F(Convert, NamesAnUnsupportedTensorType) {
  test::write_tiny_folder(temp / "hf", {});
  std::fstream file(temp / "hf/model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  std::string text(fs::file_size(temp / "hf/model.safetensors"), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  const size_t at = text.find("\"F16\"");
  ASSERT_NE(at, std::string::npos);
  file.seekp(static_cast<std::streamoff>(at));
  file << "\"I16\"";
  file.close();
  EXPECT_TRUE(says(run(temp / "hf"), Code::unsupported, "has type I16"));
  expect_nothing_left();
}

TEST_F(Convert, ShardIndexIsChecked) {
  test::write_tiny_folder(temp / "hf", {}, 2);
  const fs::path index = temp / "hf/model.safetensors.index.json";
  json good;
  std::ifstream(index) >> good;
  const auto with = [&](const char* tensor, const json& file) {
    json bad = good;
    bad["weight_map"][tensor] = file;
    std::ofstream(index) << bad;
    return run(temp / "hf");
  };
  EXPECT_TRUE(says(with("model.norm.weight", "../../etc/passwd"), Code::corrupt_file, "is not a file's name"));
  EXPECT_TRUE(says(with("model.norm.weight", "model-00001-of-00002.safetensors"), Code::corrupt_file,
                   "'model.norm.weight' is not in model-00001-of-00002.safetensors"));
  EXPECT_TRUE(says(with("model.norm.weight", "absent.safetensors"), Code::io, "absent.safetensors"));
  EXPECT_TRUE(says(with("model.norm.weight", 7), Code::corrupt_file, "not of strings"));
  expect_nothing_left();
}

TEST_F(Convert, OutputPathsAreChecked) {
  test::write_tiny_gguf(temp / "tiny.gguf", {});
  EXPECT_TRUE(says(run(temp / "tiny.gguf", WeightsOut::f32, "no/such/folder/out.rnl"), Code::io, "no/such/folder"));
  EXPECT_TRUE(says(run(temp / "tiny.gguf", WeightsOut::f32, "tiny.gguf"), Code::invalid_argument, "is the input"));
  fs::create_directory(temp / "taken");
  EXPECT_TRUE(says(run(temp / "tiny.gguf", WeightsOut::f32, "taken"), Code::invalid_argument, "is a folder"));
  ConvertOptions options;
  EXPECT_EQ(convert(options, nullptr).code(), Code::invalid_argument);
  test::write_tiny_folder(temp / "hf", {});
  EXPECT_TRUE(says(run(temp / "hf", WeightsOut::f32, "hf/model.safetensors"), Code::invalid_argument, "is the input"));
}

TEST_F(Convert, CancelLeavesNothing) {
  test::write_tiny_gguf(temp / "tiny.gguf", {});
  std::atomic<bool> cancel = false;
  ConvertOptions options;
  options.input = (temp / "tiny.gguf").string();
  options.output = (temp / "out.rnl").string();
  options.weights = WeightsOut::q8;
  options.cancel = &cancel;
  options.progress_context = &cancel;
  options.progress = [](void* context, uint64_t done, uint64_t total, const char*) {
    EXPECT_LE(done, total);
    if (done * 2 > total) *static_cast<std::atomic<bool>*>(context) = true;
  };
  EXPECT_EQ(convert(options, nullptr).code(), Code::cancelled);
  expect_nothing_left();
}

TEST_F(Convert, ABrokenTemplateIsAnErrorUnlessLeftOut) {
  test::write_tiny_folder(temp / "hf", {});
  json config;
  std::ifstream(temp / "hf/tokenizer_config.json") >> config;
  for (const char* broken : {"{% for m in %}", "{{ raise_exception('never') }}"}) {
    config["chat_template"] = broken;
    std::ofstream(temp / "hf/tokenizer_config.json") << config;
    EXPECT_TRUE(says(run(temp / "hf"), Code::invalid_argument, "chat template"));
    expect_nothing_left();
  }
  ConvertOptions options;
  options.input = (temp / "hf").string();
  options.output = (temp / "out.rnl").string();
  options.no_template = true;
  ASSERT_TRUE(convert(options, nullptr).ok());
  EXPECT_TRUE(opened().chat_template().empty());
}

TEST_F(Convert, ATokenizerLargerThanTheTableIsAnError) {
  test::write_tiny_folder(temp / "hf", {.vocab = 280});
  EXPECT_TRUE(says(run(temp / "hf"), Code::corrupt_file, "288 tokens"));
}

}  // namespace
}  // namespace runnel
