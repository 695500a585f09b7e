// GGUF files as a weight source.
#include <cstdio>
#include <map>

#include "converters/gguf/gguf_file.h"
#include "converters/gguf/gguf_hparams.h"
#include "converters/gguf/gguf_types.h"
#include "converters/source/weight_source.h"
#include "converters/text.h"

namespace runnel {
namespace {

class GgufSource final : public WeightSource {
 public:
  GgufSource(GgufFile file, std::filesystem::path path) : file_(std::move(file)), path_(std::move(path)) {
    for (const GgufTensor& tensor : file_.tensors()) {
      SourceTensor view;
      view.name = tensor.name;
      view.type_name = find_ggml_type(static_cast<uint32_t>(tensor.ggml_type))->name;
      view.type = find_ggml_dtype(tensor.ggml_type);
      view.rows = tensor.rows;
      view.cols = tensor.cols;
      view.row_bytes = tensor.row_bytes;
      view.data = tensor.data;
      if (tensor.depth == 1) tensors_.emplace(view.name, view);
    }
  }

  std::string_view format() const override { return "gguf"; }
  std::string architecture() const override {
    Result<std::string_view> name = file_.string("general.architecture", "");
    return name.ok() ? std::string(*name) : "";
  }
  std::string model_name() const override {
    Result<std::string_view> name = file_.string("general.name", "");
    return name.ok() && !name->empty() ? std::string(*name) : path_.stem().string();
  }
  Result<HParams> hparams(const ModelArch& arch, std::vector<std::string>* notes) const override {
    return hparams_from_gguf(file_, arch, notes);
  }
  const char* name_of(const TensorRule& rule) const override { return rule.gguf; }
  bool has_gguf_rows() const override { return true; }
  Result<const SourceTensor*> find(std::string_view name) const override {
    const auto at = tensors_.find(name);
    if (at != tensors_.end()) return &at->second;
    if (const GgufTensor* tensor = file_.tensor(name); tensor != nullptr)
      return Status::error(Code::corrupt_file, "gguf: tensor %s has three dimensions", in_quotes(name).c_str());
    return nullptr;
  }
  std::vector<std::string> tensor_names() const override {
    std::vector<std::string> names;
    for (const GgufTensor& tensor : file_.tensors()) names.emplace_back(tensor.name);
    return names;
  }
  Result<TokenizerSource> tokenizer() const override { return tokenizer_from_gguf(file_); }
  std::vector<SourceFile> files() const override {
    std::vector<SourceFile> out;
    for (size_t i = 0; i < file_.file_count(); ++i)
      out.push_back({std::filesystem::path(file_.file_name(i)).filename().string(), file_.file(i)});
    return out;
  }

 private:
  GgufFile file_;
  std::filesystem::path path_;
  std::map<std::string, SourceTensor, std::less<>> tensors_;
};

bool probe(const std::filesystem::path& input) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(input, error)) return false;
  char magic[4] = {};
  std::FILE* file = std::fopen(input.c_str(), "rb");
  if (file == nullptr) return false;
  const size_t count = std::fread(magic, 1, sizeof magic, file);
  std::fclose(file);
  return count == sizeof magic && std::string_view(magic, sizeof magic) == "GGUF";
}

Result<std::unique_ptr<WeightSource>> open(const std::filesystem::path& input) {
  RUNNEL_ASSIGN(GgufFile file, GgufFile::open(input.c_str()));
  return std::unique_ptr<WeightSource>(std::make_unique<GgufSource>(std::move(file), input));
}

}  // namespace

extern const SourceFormat format_gguf = {"gguf", "a GGUF file", probe, open};

}  // namespace runnel
