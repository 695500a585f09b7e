// Hyperparameters of a Hugging Face config.json, as transformers reads them (versions 4 and 5).
#pragma once

#include <nlohmann/json.hpp>

#include "converters/models/arch.h"
#include "runnel/status.h"

namespace runnel {

Result<HParams> hparams_from_config(const nlohmann::json& config, const ModelArch& arch,
                                    std::vector<std::string>* notes);

}  // namespace runnel
