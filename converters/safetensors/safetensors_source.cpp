// Hugging Face folders as a weight source: config.json, and one safetensors file or several by their index.
#include <map>

#include "converters/json_text.h"
#include "converters/safetensors/config_hparams.h"
#include "converters/safetensors/safetensors_file.h"
#include "converters/source/weight_source.h"
#include "converters/text.h"

namespace runnel {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMostConfigBytes = 4u << 20;
constexpr uint64_t kMostIndexBytes = 64u << 20;

const DTypeInfo* type_of(std::string_view dtype) {
  if (dtype == "F32") return &dtype_info(DType::f32);
  if (dtype == "F16") return &dtype_info(DType::f16);
  if (dtype == "BF16") return &dtype_info(DType::bf16);
  return nullptr;
}

class FolderSource final : public WeightSource {
 public:
  explicit FolderSource(fs::path folder) : folder_(std::move(folder)) {}

  Status load() {
    RUNNEL_ASSIGN(config_, read_json_file(folder_ / "config.json", kMostConfigBytes));
    if (!config_.is_object()) return Status::error(Code::corrupt_file, "config.json: not an object");
    if (!fs::exists(folder_ / "model.safetensors") && fs::exists(folder_ / "model.safetensors.index.json"))
      return load_shards();
    RUNNEL_TRY(add_file("model.safetensors"));
    for (const SafetensorsTensor& tensor : files_[0].tensors()) RUNNEL_TRY(add_tensor(tensor));
    return {};
  }

  std::string_view format() const override { return "safetensors"; }
  std::string architecture() const override {
    const auto at = config_.find("model_type");
    return at != config_.end() && at->is_string() ? at->get<std::string>() : "";
  }
  std::string model_name() const override {
    std::error_code error;
    return fs::canonical(folder_, error).filename().string();
  }
  Result<HParams> hparams(const ModelArch& arch, std::vector<std::string>* notes) const override {
    RUNNEL_ASSIGN(HParams h, hparams_from_config(config_, arch, notes));
    // Older configurations do not say whether the output matrix is the embedding table.
    const bool says = config_.contains("tie_word_embeddings") && !config_["tie_word_embeddings"].is_null();
    if (!says) h.tied = tensors_.find("lm_head.weight") == tensors_.end();
    return h;
  }
  const char* name_of(const TensorRule& rule) const override { return rule.safetensors; }
  bool has_gguf_rows() const override { return false; }
  Result<const SourceTensor*> find(std::string_view name) const override {
    const auto at = tensors_.find(name);
    if (at == tensors_.end()) return nullptr;
    return &at->second;
  }
  std::vector<std::string> tensor_names() const override {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors_) names.push_back(name);
    return names;
  }
  Result<TokenizerSource> tokenizer() const override { return tokenizer_from_folder(folder_); }
  std::vector<SourceFile> files() const override {
    std::vector<SourceFile> out;
    for (size_t i = 0; i < files_.size(); ++i) out.push_back({names_[i], files_[i].bytes()});
    return out;
  }

 private:
  Status add_file(const std::string& name) {
    RUNNEL_ASSIGN(SafetensorsFile file, SafetensorsFile::open((folder_ / name).c_str()));
    files_.push_back(std::move(file));
    names_.push_back(name);
    return {};
  }

  Status add_tensor(const SafetensorsTensor& tensor) {
    SourceTensor view;
    view.name = tensor.name;
    view.type_name = tensor.dtype;
    view.type = type_of(tensor.dtype);
    uint64_t rows = 1;
    for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) rows *= tensor.shape[i];  // the product was checked
    const uint64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (rows > INT32_MAX || cols > INT32_MAX || tensor.bytes.empty())
      return Status::error(Code::corrupt_file, "safetensors: tensor %s is empty or too large",
                           in_quotes(tensor.name).c_str());
    view.rows = static_cast<uint32_t>(rows);
    view.cols = static_cast<uint32_t>(cols);
    view.row_bytes = tensor.bytes.size() / rows;
    view.data = tensor.bytes.data();
    tensors_.emplace(tensor.name, std::move(view));
    return {};
  }

  // The index names each tensor's file. Files are names in this folder, never paths.
  Status load_shards() {
    constexpr const char* kIndex = "model.safetensors.index.json";
    RUNNEL_ASSIGN(const json index, read_json_file(folder_ / kIndex, kMostIndexBytes));
    if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
      return Status::error(Code::corrupt_file, "%s: no weight_map", kIndex);
    std::map<std::string, size_t> opened;
    for (const auto& [name, value] : index["weight_map"].items()) {
      if (!value.is_string()) return Status::error(Code::corrupt_file, "%s: weight_map is not of strings", kIndex);
      const std::string file = value.get<std::string>();
      if (file.empty() || file == "." || file == ".." || file.find('/') != std::string::npos ||
          file.find('\0') != std::string::npos)
        return Status::error(Code::corrupt_file, "%s: %s is not a file's name", kIndex, in_quotes(file).c_str());
      if (opened.count(file) == 0) {
        RUNNEL_TRY(add_file(file).with_context("%s", kIndex));
        opened[file] = files_.size() - 1;
      }
      const SafetensorsTensor* tensor = files_[opened[file]].tensor(name);
      if (tensor == nullptr)
        return Status::error(Code::corrupt_file, "%s: tensor %s is not in %s", kIndex, in_quotes(name).c_str(),
                             file.c_str());
      RUNNEL_TRY(add_tensor(*tensor));
    }
    return {};
  }

  fs::path folder_;
  json config_;
  std::vector<SafetensorsFile> files_;
  std::vector<std::string> names_;  // of files_
  std::map<std::string, SourceTensor, std::less<>> tensors_;
};

bool probe(const fs::path& input) {
  std::error_code error;
  return fs::is_directory(input, error) && fs::exists(input / "config.json", error);
}

Result<std::unique_ptr<WeightSource>> open(const fs::path& input) {
  auto source = std::make_unique<FolderSource>(input);
  RUNNEL_TRY(source->load());
  return std::unique_ptr<WeightSource>(std::move(source));
}

}  // namespace

extern const SourceFormat format_safetensors = {"safetensors", "a Hugging Face folder (with a config.json)", probe,
                                                open};

}  // namespace runnel
