#include "converters/gguf/gguf_hparams.h"

#include <cmath>
#include <cstring>

#include "converters/recipe/check_hparams.h"
#include "converters/recipe/rope_frequencies.h"

namespace runnel {
namespace {

// Keys of one architecture: "llama." + name.
class Keys {
 public:
  Keys(const GgufFile& file, const ModelArch& arch) : file_(file), prefix_(std::string(arch.name) + ".") {}
  std::string key(const char* name) const { return prefix_ + name; }
  bool has(const char* name) const { return file_.find(key(name)) != nullptr; }

  Result<uint32_t> count(const char* name, uint64_t fallback) const {
    RUNNEL_ASSIGN(const uint64_t value, file_.u64(key(name), fallback));
    if (value > INT32_MAX)
      return Status::error(Code::corrupt_file, "gguf: %s is %llu", key(name).c_str(),
                           static_cast<unsigned long long>(value));
    return static_cast<uint32_t>(value);
  }
  Result<uint32_t> required_count(const char* name) const {
    if (!has(name)) return Status::error(Code::corrupt_file, "gguf: key %s is missing", key(name).c_str());
    return count(name, 0);
  }
  // Writers are not of one mind whether a number is a float or an integer.
  Result<double> number(const char* name, double fallback) const {
    const GgufEntry* entry = file_.find(key(name));
    if (entry == nullptr || entry->type == GgufType::f32 || entry->type == GgufType::f64)
      return file_.f64(key(name), fallback);
    RUNNEL_ASSIGN(const uint64_t value, file_.u64(key(name), 0));
    return static_cast<double>(value);
  }

 private:
  const GgufFile& file_;
  std::string prefix_;
};

Status read_scaling(const GgufFile& file, const Keys& keys, RopeScaling* s) {
  RUNNEL_ASSIGN(s->base, keys.number("rope.freq_base", 10000));
  RUNNEL_ASSIGN(const std::string_view kind, file.string(keys.key("rope.scaling.type"), "none"));
  s->kind = kind == "none" ? "default" : std::string(kind);
  RUNNEL_ASSIGN(s->factor, keys.number("rope.scaling.factor", 1));
  RUNNEL_ASSIGN(s->original_length, keys.number("rope.scaling.original_context_length", 0));
  if (!keys.has("rope.scaling.type") && keys.has("rope.scale_linear")) {  // the key of 2023's files
    s->kind = "linear";
    RUNNEL_ASSIGN(s->factor, keys.number("rope.scale_linear", 1));
  }
  RUNNEL_ASSIGN(s->beta_fast, keys.number("rope.scaling.yarn_beta_fast", 32));
  RUNNEL_ASSIGN(s->beta_slow, keys.number("rope.scaling.yarn_beta_slow", 1));
  // llama.cpp multiplies its own 0.1 ln(factor) + 1 by this.
  RUNNEL_ASSIGN(const double attention_factor, keys.number("rope.scaling.attn_factor", 1));
  if (s->kind == "yarn" && attention_factor != 1 && s->factor > 0)
    s->amplitude = attention_factor * (0.1 * std::log(s->factor) + 1);
  const GgufTensor* factors = file.tensor("rope_freqs.weight");
  if (factors == nullptr) return {};
  if (factors->ggml_type != 0 || factors->rows != 1 || factors->depth != 1)
    return Status::error(Code::corrupt_file, "gguf: rope_freqs.weight is not a float32 vector");
  s->divisors.resize(factors->cols);
  std::memcpy(s->divisors.data(), factors->data, factors->row_bytes);
  return {};
}

}  // namespace

Result<HParams> hparams_from_gguf(const GgufFile& file, const ModelArch& arch, std::vector<std::string>* notes) {
  const Keys keys(file, arch);
  HParams h;
  RUNNEL_ASSIGN(h.layers, keys.required_count("block_count"));
  RUNNEL_ASSIGN(h.model, keys.required_count("embedding_length"));
  RUNNEL_ASSIGN(h.ffn, keys.required_count("feed_forward_length"));
  RUNNEL_ASSIGN(h.heads, keys.required_count("attention.head_count"));
  RUNNEL_ASSIGN(h.kv_heads, keys.count("attention.head_count_kv", h.heads));
  RUNNEL_ASSIGN(h.head_dim, keys.count("attention.key_length", h.heads == 0 ? 0 : h.model / h.heads));
  RUNNEL_ASSIGN(const uint32_t value_dim, keys.count("attention.value_length", h.head_dim));
  if (value_dim != h.head_dim)
    return Status::error(Code::unsupported, "gguf: keys of %u and values of %u dimensions a head", h.head_dim,
                         value_dim);
  RUNNEL_ASSIGN(h.context_length, keys.required_count("context_length"));
  if (!keys.has("attention.layer_norm_rms_epsilon"))
    return Status::error(Code::corrupt_file, "gguf: key %s is missing",
                         keys.key("attention.layer_norm_rms_epsilon").c_str());
  RUNNEL_ASSIGN(const double eps, keys.number("attention.layer_norm_rms_epsilon", 0));
  h.eps = static_cast<float>(eps);
  RUNNEL_ASSIGN(const uint32_t experts, keys.count("expert_count", 0));
  if (experts != 0)
    return Status::error(Code::unsupported, "gguf: %s with %u experts is not supported", arch.name, experts);
  RUNNEL_ASSIGN(const uint32_t window, keys.count("attention.sliding_window", 0));
  if (window != 0 && window < h.context_length)
    notes->push_back(keys.key("attention.sliding_window") + " = " + std::to_string(window) +
                     " is not used, as in llama.cpp: all layers see all tokens");

  const GgufTensor* table = file.tensor("token_embd.weight");
  if (table == nullptr)
    return Status::error(Code::corrupt_file, "gguf: no tensor token_embd.weight (a vocabulary-only file?)");
  h.vocab = table->rows;
  h.tied = file.tensor("output.weight") == nullptr;

  RopeScaling scaling;
  RUNNEL_ASSIGN(scaling.dim, keys.count("rope.dimension_count", h.head_dim));
  RUNNEL_TRY(read_scaling(file, keys, &scaling));
  RUNNEL_ASSIGN(h.rope, rope_frequencies(scaling));
  RUNNEL_TRY(check_hparams(h));
  return h;
}

}  // namespace runnel
