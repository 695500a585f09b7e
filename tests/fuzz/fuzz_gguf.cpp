// GGUF files: any bytes are opened, looked up in every way, and read as hyperparameters.
#include <cstdint>
#include <string>
#include <vector>

#include "converters/gguf/gguf_file.h"
#include "converters/gguf/gguf_hparams.h"

namespace {

uint32_t sum_of_ends(const runnel::GgufTensor& tensor) {
  const uint64_t bytes = tensor.row_bytes * tensor.rows * tensor.depth;
  return bytes == 0 ? 0u : uint32_t{tensor.data[0]} + tensor.data[bytes - 1];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace runnel;
  Result<GgufFile> file = GgufFile::open_memory({data, bytes});
  if (!file.ok()) return 0;
  volatile uint64_t sink = 0;
  for (const GgufEntry& entry : file->entries()) {
    if (file->find(entry.key) == nullptr) __builtin_trap();
    sink = sink + file->u64(entry.key, 0).ok() + file->f64(entry.key, 0).ok() + file->boolean(entry.key, false).ok();
    sink = sink + file->string(entry.key, "").ok() + file->integers(entry.key).ok() + file->floats(entry.key).ok();
    Result<std::vector<std::string_view>> strings = file->strings(entry.key);
    if (strings.ok())
      for (std::string_view text : *strings) sink = sink + (text.empty() ? 0u : static_cast<uint8_t>(text.back()));
  }
  for (const GgufTensor& tensor : file->tensors()) {
    if (file->tensor(tensor.name) == nullptr) __builtin_trap();
    sink = sink + sum_of_ends(tensor);
  }
  std::vector<std::string> notes;
  for (const char* name : {"llama", "qwen2", "qwen3"})
    if (const ModelArch* arch = find_arch(name)) sink = sink + hparams_from_gguf(*file, *arch, &notes).ok();
  return 0;
}
