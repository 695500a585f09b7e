// Hyperparameters of a GGUF file's metadata.
#pragma once

#include "converters/gguf/gguf_file.h"
#include "converters/models/arch.h"

namespace runnel {

Result<HParams> hparams_from_gguf(const GgufFile& file, const ModelArch& arch, std::vector<std::string>* notes);

}  // namespace runnel
