// Safetensors files: any bytes are opened, and every tensor's ends read.
#include <cstdint>

#include "converters/safetensors/safetensors_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace runnel;
  Result<SafetensorsFile> file = SafetensorsFile::open_memory({data, bytes});
  if (!file.ok()) return 0;
  volatile uint32_t sink = 0;
  for (const SafetensorsTensor& tensor : file->tensors()) {
    if (file->tensor(tensor.name) != &tensor) __builtin_trap();
    if (!tensor.bytes.empty()) sink = sink + tensor.bytes.front() + tensor.bytes.back();
  }
  return 0;
}
