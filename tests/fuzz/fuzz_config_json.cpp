// config.json: any text is parsed and read as the hyperparameters of every architecture.
#include <cstdint>
#include <string>
#include <vector>

#include "converters/guard.h"
#include "converters/json_text.h"
#include "converters/safetensors/config_hparams.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace runnel;
  const Status status = guarded("fuzz", [&]() -> Status {
    RUNNEL_ASSIGN(const nlohmann::json config, parse_json({reinterpret_cast<const char*>(data), bytes}, "config.json"));
    if (!config.is_object()) return {};
    for (const char* name : {"llama", "qwen2", "qwen3"}) {
      std::vector<std::string> notes;
      RUNNEL_TRY(hparams_from_config(config, *find_arch(name), &notes).status());
    }
    return {};
  });
  if (status.code() == Code::internal) __builtin_trap();  // an exception that nobody expected
  return 0;
}
