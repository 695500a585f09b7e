// Where a model comes from: one interface over GGUF files and Hugging Face folders. A format is one file and one row of
// formats.inc.
//
// Ownership: a source owns its mappings; tensors are views into them. Thread rule: const members any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/models/arch.h"
#include "converters/tokenizer/tokenizer_source.h"
#include "kernels/dtype.h"
#include "runnel/status.h"

namespace runnel {

struct SourceTensor {
  std::string name;                 // as the source calls it
  std::string type_name;            // "q4_k", "BF16"
  const DTypeInfo* type = nullptr;  // whose row form the bytes are; null: a type that we cannot read
  uint32_t rows = 0, cols = 0;      // rows first; a vector is (1, n)
  uint64_t row_bytes = 0;
  const uint8_t* data = nullptr;  // mapped, rows * row_bytes
};

// A file whose bytes go into the model, for provenance.
struct SourceFile {
  std::string name;  // without folder
  std::span<const uint8_t> bytes;
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual std::string_view format() const = 0;  // "gguf"
  virtual std::string architecture() const = 0;
  virtual std::string model_name() const = 0;
  // Hyperparameters for the architecture, checked. What had to be assumed is appended to *notes.
  virtual Result<HParams> hparams(const ModelArch& arch, std::vector<std::string>* notes) const = 0;
  // The source's name of a rule's tensor, with "{}" still in it.
  virtual const char* name_of(const TensorRule& rule) const = 0;
  // Rows of q and k may lie as TensorRule::gguf_rows says.
  virtual bool has_gguf_rows() const = 0;
  virtual Result<const SourceTensor*> find(std::string_view name) const = 0;  // null when absent
  virtual std::vector<std::string> tensor_names() const = 0;
  virtual Result<TokenizerSource> tokenizer() const = 0;
  virtual std::vector<SourceFile> files() const = 0;
};

struct SourceFormat {
  const char* name;
  const char* what;                                   // "a GGUF file"
  bool (*probe)(const std::filesystem::path& input);  // by looking, not by opening all of it
  Result<std::unique_ptr<WeightSource>> (*open)(const std::filesystem::path& input);
};

// The source at `input`; the message for what no format takes lists what they take.
Result<std::unique_ptr<WeightSource>> open_source(const std::filesystem::path& input);

}  // namespace runnel
