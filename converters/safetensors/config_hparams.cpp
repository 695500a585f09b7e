#include "converters/safetensors/config_hparams.h"

#include <limits>

#include "converters/recipe/check_hparams.h"
#include "converters/recipe/rope_frequencies.h"
#include "converters/text.h"

namespace runnel {
namespace {

using nlohmann::json;

// A field that is null is one that is not there.
const json* find(const json& object, const char* name) {
  const auto at = object.find(name);
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

Status wrong(const char* name, const char* wanted) {
  return Status::error(Code::corrupt_file, "config.json: %s is not %s", name, wanted);
}

Result<uint32_t> count(const json& object, const char* name, uint32_t fallback) {
  const json* value = find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_number_unsigned() || value->get<uint64_t>() > std::numeric_limits<int32_t>::max())
    return wrong(name, "a count");
  return static_cast<uint32_t>(value->get<uint64_t>());
}

Result<uint32_t> required_count(const json& object, const char* name) {
  if (find(object, name) == nullptr) return Status::error(Code::corrupt_file, "config.json: %s is missing", name);
  return count(object, name, 0);
}

Result<double> number(const json& object, const char* name, double fallback) {
  const json* value = find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_number()) return wrong(name, "a number");
  return value->get<double>();
}

Result<bool> flag(const json& object, const char* name, bool fallback) {
  const json* value = find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return wrong(name, "true or false");
  return value->get<bool>();
}

Result<std::string> text(const json& object, const char* name, const char* fallback) {
  const json* value = find(object, name);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return wrong(name, "a string");
  return value->get<std::string>();
}

// Version 5 keeps everything in rope_parameters; version 4 has rope_theta beside a rope_scaling, whose kind was "type"
// before it was "rope_type".
Status read_scaling(const json& config, uint32_t head_dim, uint32_t context_length, RopeScaling* s) {
  const json empty = json::object();
  const json* parameters = find(config, "rope_parameters");
  if (parameters == nullptr) parameters = find(config, "rope_scaling");
  if (parameters == nullptr) parameters = &empty;
  if (!parameters->is_object()) return wrong("rope_parameters", "an object");
  for (const auto& [name, value] : parameters->items())
    if (value.is_object())
      return Status::error(Code::unsupported, "config.json: rope_parameters by layer type (%s) are not supported",
                           in_quotes(name).c_str());
  RUNNEL_ASSIGN(const double outer_base, number(config, "rope_theta", 10000));
  RUNNEL_ASSIGN(s->base, number(*parameters, "rope_theta", outer_base));
  RUNNEL_ASSIGN(const std::string old_kind, text(*parameters, "type", "default"));
  RUNNEL_ASSIGN(s->kind, text(*parameters, "rope_type", old_kind.c_str()));
  RUNNEL_ASSIGN(const double outer_part, number(config, "partial_rotary_factor", 1));
  RUNNEL_ASSIGN(const double part, number(*parameters, "partial_rotary_factor", outer_part));
  if (!(part > 0 && part <= 1)) return wrong("partial_rotary_factor", "between 0 and 1");
  s->dim = static_cast<uint32_t>(head_dim * part);
  RUNNEL_ASSIGN(s->factor, number(*parameters, "factor", 1));
  RUNNEL_ASSIGN(const double outer_length, number(config, "original_max_position_embeddings", context_length));
  RUNNEL_ASSIGN(s->original_length, number(*parameters, "original_max_position_embeddings", outer_length));
  RUNNEL_ASSIGN(s->low_freq_factor, number(*parameters, "low_freq_factor", 1));
  RUNNEL_ASSIGN(s->high_freq_factor, number(*parameters, "high_freq_factor", 4));
  RUNNEL_ASSIGN(s->beta_fast, number(*parameters, "beta_fast", 32));
  RUNNEL_ASSIGN(s->beta_slow, number(*parameters, "beta_slow", 1));
  RUNNEL_ASSIGN(s->truncate, flag(*parameters, "truncate", true));
  RUNNEL_ASSIGN(s->amplitude, number(*parameters, "attention_factor", 0));
  if (s->kind == "yarn" && (find(*parameters, "mscale") != nullptr || find(*parameters, "mscale_all_dim") != nullptr))
    return Status::error(Code::unsupported, "config.json: yarn with mscale is not supported");
  return {};
}

// Which layers have a sliding window: layer_types says it (version 5); before, the layers from max_window_layers on.
Status read_windows(const json& config, const ModelArch& arch, HParams* h, std::vector<std::string>* notes) {
  RUNNEL_ASSIGN(const uint32_t window, count(config, "sliding_window", 0));
  RUNNEL_ASSIGN(const bool used, flag(config, "use_sliding_window", true));
  if (window == 0 || !used) return {};
  if (!arch.has_windows) {
    notes->push_back("sliding_window is not used, as in transformers: all layers of a " + std::string(arch.name) +
                     " see all tokens");
    return {};
  }
  h->windows.assign(h->layers, 0);
  if (const json* types = find(config, "layer_types"); types != nullptr) {
    if (!types->is_array() || types->size() != h->layers)
      return wrong("layer_types", "an array with one entry a layer");
    for (uint32_t i = 0; i < h->layers; ++i) {
      const json& type = (*types)[i];
      if (type == "sliding_attention") {
        h->windows[i] = window;
      } else if (type != "full_attention") {
        return Status::error(Code::unsupported, "config.json: layer %u has the unknown type %s", i,
                             in_quotes(type.is_string() ? type.get<std::string>() : type.dump()).c_str());
      }
    }
    return {};
  }
  RUNNEL_ASSIGN(const uint32_t first, count(config, "max_window_layers", 28));  // Qwen2's and Qwen3's default
  for (uint32_t i = first; i < h->layers; ++i) h->windows[i] = window;
  return {};
}

}  // namespace

Result<HParams> hparams_from_config(const json& config, const ModelArch& arch, std::vector<std::string>* notes) {
  if (const json* scheme = find(config, "quantization_config"); scheme != nullptr) {
    const bool named = scheme->is_object() && scheme->contains("quant_method") && (*scheme)["quant_method"].is_string();
    return Status::error(Code::unsupported, "config.json: weights quantised by %s are not supported",
                         named ? in_quotes((*scheme)["quant_method"].get<std::string>()).c_str() : "an unnamed method");
  }
  HParams h;
  RUNNEL_ASSIGN(h.layers, required_count(config, "num_hidden_layers"));
  RUNNEL_ASSIGN(h.model, required_count(config, "hidden_size"));
  RUNNEL_ASSIGN(h.ffn, required_count(config, "intermediate_size"));
  RUNNEL_ASSIGN(h.heads, required_count(config, "num_attention_heads"));
  RUNNEL_ASSIGN(h.kv_heads, count(config, "num_key_value_heads", h.heads));
  const uint32_t even = h.heads == 0 ? 0 : h.model / h.heads;
  RUNNEL_ASSIGN(h.head_dim, count(config, "head_dim", arch.default_head_dim != 0 ? arch.default_head_dim : even));
  RUNNEL_ASSIGN(h.vocab, required_count(config, "vocab_size"));
  RUNNEL_ASSIGN(h.context_length, required_count(config, "max_position_embeddings"));
  RUNNEL_ASSIGN(const double eps, number(config, "rms_norm_eps", 1e-6));
  h.eps = static_cast<float>(eps);
  RUNNEL_ASSIGN(const std::string activation, text(config, "hidden_act", "silu"));
  if (activation != "silu" && activation != "swish")
    return Status::error(Code::unsupported, "config.json: hidden_act %s is not supported for %s (silu is)",
                         in_quotes(activation).c_str(), arch.name);
  RUNNEL_ASSIGN(h.tied, flag(config, "tie_word_embeddings", false));
  RUNNEL_ASSIGN(h.attention_bias, flag(config, "attention_bias", false));
  RUNNEL_ASSIGN(h.mlp_bias, flag(config, "mlp_bias", false));
  RUNNEL_TRY(read_windows(config, arch, &h, notes));
  RopeScaling scaling;
  RUNNEL_TRY(read_scaling(config, h.head_dim, h.context_length, &scaling));
  RUNNEL_ASSIGN(h.rope, rope_frequencies(scaling));
  RUNNEL_TRY(check_hparams(h));
  return h;
}

}  // namespace runnel
