// Tiny models with random weights, for tests on a machine that has no model at all: the same weights as a GGUF file and
// as a Hugging Face folder, with a byte-level tokenizer of 288 tokens, a chat template and end ids.
//
// Errors are exceptions (std::runtime_error): a test that cannot write its input has failed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace runnel::test {

struct TinyModel {
  std::string arch = "llama";  // "llama", "qwen2" (q/k/v biases) or "qwen3" (q/k norms)
  uint32_t layers = 2, model = 64, ffn = 96, heads = 4, kv_heads = 2, head_dim = 16;
  uint32_t vocab = 320;  // at least 288, the tokenizer's size
  uint32_t context = 128;
  bool tied = false;
  bool attention_bias = false;   // llama only: biases on q, k, v and the output projection
  std::string rope = "default";  // "default", "linear", "llama3" or "yarn"
  int32_t ggml_type = 1;         // of the GGUF's matrices: 0 f32, 1 f16, 2 q4_0, 8 q8_0; the folder has f16
  uint32_t seed = 1;
};

void write_tiny_gguf(const std::filesystem::path& path, const TinyModel& model);
// config.json, model.safetensors (or `shards` of them with an index), tokenizer.json, tokenizer_config.json.
void write_tiny_folder(const std::filesystem::path& folder, const TinyModel& model, uint32_t shards = 1);

// A folder below the system's temporary one, removed with all that is in it.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace runnel::test
