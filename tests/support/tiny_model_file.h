// A tiny model file (.rnl), converted once a process from tiny_models.h's GGUF.
#pragma once

#include <string>

#include "tests/support/tiny_models.h"

namespace runnel::test {

// Path of the converted file; it lives as long as the process. An exception when the conversion fails.
const std::string& tiny_model_path();
// Converts to `path`. The weights are what convert() makes of the GGUF by `weights` ("f32", "q8", "q4", "keep").
void convert_tiny(const TinyModel& model, const std::string& weights, const std::string& path);

}  // namespace runnel::test
