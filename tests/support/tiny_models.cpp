#include "tests/support/tiny_models.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <stdexcept>

#include "kernels/half.h"
#include "tests/support/gguf_bytes.h"

namespace runnel::test {
namespace {

using nlohmann::json;

constexpr uint32_t kSpecials = 6;
constexpr const char* kSpecialTexts[kSpecials] = {"<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>"};
constexpr const char* kTemplate =
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] | trim + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";
constexpr const char* kSplit =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
    "\\s+(?!\\S)|\\s+";

// One weight in both namings. GGUF's q and k of a llama lie in the interleaved rope order.
struct TinyTensor {
  std::string gguf, hf;
  uint32_t rows, cols;
  uint32_t permuted_heads = 0;
  std::vector<float> values;  // in the folder's order
};

std::string utf8(uint32_t c) {
  if (c < 0x80) return {static_cast<char>(c)};
  return {static_cast<char>(0xc0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3f))};
}

// GPT-2's printable stand-in for each byte.
std::string byte_text(uint32_t byte) {
  const auto plain = [](uint32_t b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
  if (plain(byte)) return utf8(byte);
  uint32_t next = 256;
  for (uint32_t b = 0; b < byte; ++b) next += !plain(b);
  return utf8(next);
}

struct TinyTokens {
  std::vector<std::string> texts, merges;
};

TinyTokens make_tokens() {
  TinyTokens out;
  for (const char* text : kSpecialTexts) out.texts.emplace_back(text);
  for (uint32_t b = 0; b < 256; ++b) out.texts.push_back(byte_text(b));
  const std::string space = byte_text(' ');
  const std::pair<std::string, std::string> merges[] = {
      {space, "t"}, {"h", "e"}, {space, "a"}, {space + "t", "he"}, {"i", "n"},  {"r", "e"},   {"o", "n"},
      {space, "s"}, {"e", "r"}, {"o", "u"},   {space, "w"},        {"a", "n"},  {"n", "d"},   {space + "a", "nd"},
      {"i", "t"},   {"i", "s"}, {"e", "s"},   {"l", "l"},          {"in", "g"}, {space, "c"}, {"o", "r"},
      {"e", "n"},   {"a", "t"}, {"e", "d"},   {space, "b"},        {"l", "e"}};
  for (const auto& [left, right] : merges) {
    out.merges.push_back(left + " " + right);
    out.texts.push_back(left + right);
  }
  return out;
}

// The weight's values depend on the seed and the name alone, rounded to half precision so that both files can hold
// them exactly.
std::vector<float> random_values(const TinyModel& m, const std::string& name, size_t count, float mean, float spread) {
  std::seed_seq seq(name.begin(), name.end());
  std::mt19937 seeder(seq);
  std::mt19937 rng(seeder() + m.seed);
  std::vector<float> out(count);
  for (float& x : out) {
    // The sum of four uniform numbers is near enough to normal, and the same on every standard library.
    float sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<float>(rng()) * 0x1p-32f - 0.5f;
    x = f16_to_f32(f32_to_f16(mean + spread * 1.7320508f * sum));
  }
  return out;
}

std::vector<TinyTensor> make_tensors(const TinyModel& m) {
  std::vector<TinyTensor> out;
  const auto add = [&](std::string gguf, std::string hf, uint32_t rows, uint32_t cols, float mean, float spread,
                       uint32_t heads = 0) {
    std::vector<float> values = random_values(m, hf, size_t{rows} * cols, mean, spread);
    out.push_back({std::move(gguf), std::move(hf), rows, cols, heads, std::move(values)});
  };
  const auto matrix = [&](const std::string& gguf, const std::string& hf, uint32_t rows, uint32_t cols,
                          uint32_t heads = 0) {
    add(gguf + ".weight", hf + ".weight", rows, cols, 0, 1.6f / std::sqrt(static_cast<float>(cols)), heads);
  };
  const auto bias = [&](const std::string& gguf, const std::string& hf, uint32_t cols, uint32_t heads = 0) {
    add(gguf + ".bias", hf + ".bias", 1, cols, 0, 0.1f, heads);
  };
  const auto norm = [&](const std::string& gguf, const std::string& hf, uint32_t cols) {
    add(gguf + ".weight", hf + ".weight", 1, cols, 1, 0.1f);
  };
  const bool llama = m.arch == "llama";
  const uint32_t q = m.heads * m.head_dim, kv = m.kv_heads * m.head_dim;
  add("token_embd.weight", "model.embed_tokens.weight", m.vocab, m.model, 0, 0.1f);
  for (uint32_t i = 0; i < m.layers; ++i) {
    const std::string g = "blk." + std::to_string(i) + ".", h = "model.layers." + std::to_string(i) + ".";
    norm(g + "attn_norm", h + "input_layernorm", m.model);
    matrix(g + "attn_q", h + "self_attn.q_proj", q, m.model, llama ? m.heads : 0);
    matrix(g + "attn_k", h + "self_attn.k_proj", kv, m.model, llama ? m.kv_heads : 0);
    matrix(g + "attn_v", h + "self_attn.v_proj", kv, m.model);
    if (m.arch == "qwen2" || m.attention_bias) {
      bias(g + "attn_q", h + "self_attn.q_proj", q, llama ? m.heads : 0);
      bias(g + "attn_k", h + "self_attn.k_proj", kv, llama ? m.kv_heads : 0);
      bias(g + "attn_v", h + "self_attn.v_proj", kv);
    }
    if (m.arch == "qwen3") {
      norm(g + "attn_q_norm", h + "self_attn.q_norm", m.head_dim);
      norm(g + "attn_k_norm", h + "self_attn.k_norm", m.head_dim);
    }
    matrix(g + "attn_output", h + "self_attn.o_proj", m.model, q);
    if (m.attention_bias) bias(g + "attn_output", h + "self_attn.o_proj", m.model);
    norm(g + "ffn_norm", h + "post_attention_layernorm", m.model);
    matrix(g + "ffn_gate", h + "mlp.gate_proj", m.ffn, m.model);
    matrix(g + "ffn_up", h + "mlp.up_proj", m.ffn, m.model);
    matrix(g + "ffn_down", h + "mlp.down_proj", m.model, m.ffn);
  }
  norm("output_norm", "model.norm", m.model);
  if (!m.tied) matrix("output", "lm_head", m.vocab, m.model);
  return out;
}

// Row r of the GGUF's order is row source(r) of the folder's.
uint32_t folder_row(uint32_t row, uint32_t rows, uint32_t heads) {
  if (heads == 0) return row;
  const uint32_t dim = rows / heads, within = row % dim;
  return row - within + within % 2 * (dim / 2) + within / 2;
}

template <class T>
void append(std::vector<uint8_t>& out, T value) {
  const auto* p = reinterpret_cast<const uint8_t*>(&value);
  out.insert(out.end(), p, p + sizeof value);
}

constexpr int32_t kF32 = 0, kF16 = 1, kQ4 = 2, kQ8 = 8;  // ggml type ids

// A block of 32 values as Q8_0: half-precision scale, 32 signed bytes.
void append_q8(std::vector<uint8_t>& out, const float* x) {
  float most = 0;
  for (int i = 0; i < 32; ++i) most = std::max(most, std::fabs(x[i]));
  const uint16_t scale = f32_to_f16(most / 127);
  append(out, scale);
  const float by = f16_to_f32(scale) == 0 ? 0 : 1 / f16_to_f32(scale);
  for (int i = 0; i < 32; ++i) append(out, static_cast<int8_t>(std::clamp(std::nearbyint(x[i] * by), -127.0f, 127.0f)));
}

// A block of 32 values as Q4_0: half-precision scale, then value i and i + 16 in one byte, low nibble first, each + 8.
void append_q4(std::vector<uint8_t>& out, const float* x) {
  float most = 0;
  for (int i = 0; i < 32; ++i) most = std::max(most, std::fabs(x[i]));
  const uint16_t scale = f32_to_f16(most / 7);
  append(out, scale);
  const float by = f16_to_f32(scale) == 0 ? 0 : 1 / f16_to_f32(scale);
  const auto code = [&](int i) { return static_cast<uint8_t>(std::clamp(std::nearbyint(x[i] * by), -8.0f, 7.0f) + 8); };
  for (int i = 0; i < 16; ++i) append(out, static_cast<uint8_t>(code(i) | code(i + 16) << 4));
}

std::vector<uint8_t> encode(int32_t type, std::span<const float> values) {
  std::vector<uint8_t> out;
  if ((type == kQ4 || type == kQ8) && values.size() % 32 != 0)
    throw std::runtime_error("tiny model: a width is not a multiple of 32");
  for (size_t i = 0; i < values.size(); i += type == kQ4 || type == kQ8 ? 32 : 1) {
    switch (type) {
      case kF32: append(out, values[i]); break;
      case kF16: append(out, f32_to_f16(values[i])); break;
      case kQ4: append_q4(out, &values[i]); break;
      case kQ8: append_q8(out, &values[i]); break;
      default: throw std::runtime_error("tiny model: no such ggml type");
    }
  }
  return out;
}

std::vector<uint8_t> gguf_data(const TinyTensor& t, int32_t type) {
  const bool vector = t.rows == 1;
  std::vector<uint8_t> out;
  std::vector<float> row(t.cols);
  for (uint32_t r = 0; r < t.rows; ++r) {
    for (uint32_t c = 0; c < t.cols; ++c) {
      row[c] = vector ? t.values[folder_row(c, t.cols, t.permuted_heads)]
                      : t.values[size_t{folder_row(r, t.rows, t.permuted_heads)} * t.cols + c];
    }
    const std::vector<uint8_t> bytes = encode(type, row);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

void write_bytes(const std::filesystem::path& path, const void* bytes, size_t size) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  if (!file.flush()) throw std::runtime_error("tiny model: cannot write " + path.string());
}

void write_json(const std::filesystem::path& path, const json& value) {
  const std::string text = value.dump(1);
  write_bytes(path, text.data(), text.size());
}

void write_safetensors(const std::filesystem::path& path, std::span<const TinyTensor> tensors) {
  json header = {{"__metadata__", {{"format", "pt"}}}};
  std::vector<uint8_t> data;
  for (const TinyTensor& t : tensors) {
    const std::vector<uint8_t> bytes = encode(kF16, t.values);
    const json shape = t.rows == 1 ? json{t.cols} : json{t.rows, t.cols};
    header[t.hf] = {{"dtype", "F16"}, {"shape", shape}, {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data.insert(data.end(), bytes.begin(), bytes.end());
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  std::string out(reinterpret_cast<const char*>(&length), sizeof length);
  out += text;
  out.append(reinterpret_cast<const char*>(data.data()), data.size());
  write_bytes(path, out.data(), out.size());
}

json rope_parameters(const TinyModel& m) {
  json rope = {{"rope_theta", 10000.0}, {"rope_type", m.rope}};
  if (m.rope != "default") rope["factor"] = 4.0;
  if (m.rope == "llama3") {
    rope["low_freq_factor"] = 1.0;
    rope["high_freq_factor"] = 4.0;
  }
  if (m.rope == "llama3" || m.rope == "yarn") rope["original_max_position_embeddings"] = 32;
  return rope;
}

void write_config(const std::filesystem::path& folder, const TinyModel& m) {
  const std::map<std::string, std::string> classes = {
      {"llama", "LlamaForCausalLM"}, {"qwen2", "Qwen2ForCausalLM"}, {"qwen3", "Qwen3ForCausalLM"}};
  json config = {{"architectures", {classes.at(m.arch)}},
                 {"model_type", m.arch},
                 {"hidden_size", m.model},
                 {"intermediate_size", m.ffn},
                 {"num_hidden_layers", m.layers},
                 {"num_attention_heads", m.heads},
                 {"num_key_value_heads", m.kv_heads},
                 {"head_dim", m.head_dim},
                 {"vocab_size", m.vocab},
                 {"max_position_embeddings", m.context},
                 {"rms_norm_eps", 1e-5},
                 {"hidden_act", "silu"},
                 {"tie_word_embeddings", m.tied},
                 {"attention_bias", m.attention_bias},
                 {"bos_token_id", 1},
                 {"eos_token_id", 2},
                 {"rope_parameters", rope_parameters(m)}};
  write_json(folder / "config.json", config);
}

void write_tokenizer(const std::filesystem::path& folder) {
  const TinyTokens tokens = make_tokens();
  json vocab = json::object(), added = json::array();
  for (size_t i = 0; i < tokens.texts.size(); ++i) vocab[tokens.texts[i]] = i;
  for (uint32_t i = 0; i < kSpecials; ++i)
    added.push_back({{"id", i},
                     {"content", kSpecialTexts[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  const json split = {{"type", "Split"}, {"pattern", {{"Regex", kSplit}}}, {"behavior", "Isolated"}, {"invert", false}};
  const json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  write_json(
      folder / "tokenizer.json",
      {{"version", "1.0"},
       {"truncation", nullptr},
       {"padding", nullptr},
       {"added_tokens", added},
       {"normalizer", nullptr},
       {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, byte_level}}}},
       {"post_processor", nullptr},
       {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
       {"model",
        {{"type", "BPE"},
         {"dropout", nullptr},
         {"unk_token", nullptr},
         {"continuing_subword_prefix", nullptr},
         {"end_of_word_suffix", nullptr},
         {"fuse_unk", false},
         {"byte_fallback", false},
         {"ignore_merges", false},
         {"vocab", vocab},
         {"merges", tokens.merges}}}});
  write_json(folder / "tokenizer_config.json", {{"tokenizer_class", "PreTrainedTokenizerFast"},
                                                {"bos_token", "<s>"},
                                                {"eos_token", "</s>"},
                                                {"chat_template", kTemplate}});
}

void add_tokenizer(GgufBytes& out) {
  const TinyTokens tokens = make_tokens();
  std::vector<int32_t> types(tokens.texts.size(), 1);
  for (uint32_t i = 0; i < kSpecials; ++i) types[i] = 3;
  out.key_string("tokenizer.ggml.model", "gpt2").key_string("tokenizer.ggml.pre", "llama-bpe");
  out.key_strings("tokenizer.ggml.tokens", tokens.texts).key_strings("tokenizer.ggml.merges", tokens.merges);
  out.key_array<int32_t>("tokenizer.ggml.token_type", GgufType::i32, types);
  out.key_u32("tokenizer.ggml.bos_token_id", 1).key_u32("tokenizer.ggml.eos_token_id", 2);
  out.key_bool("tokenizer.ggml.add_bos_token", 0).key_string("tokenizer.chat_template", kTemplate);
}

// What llama.cpp's converter stores for llama3 scaling: one divisor a frequency (the formula of the Llama 3.1 release).
std::vector<float> llama3_factors(const TinyModel& m) {
  constexpr double kFactor = 4, kLow = 1, kHigh = 4, kOriginal = 32;
  std::vector<float> out;
  for (uint32_t i = 0; i < m.head_dim / 2; ++i) {
    const double wavelength = 2 * M_PI * std::pow(10000.0, 2.0 * i / m.head_dim);
    double factor = 1;
    if (wavelength > kOriginal / kLow)
      factor = kFactor;
    else if (wavelength >= kOriginal / kHigh) {
      const double smooth = (kOriginal / wavelength - kLow) / (kHigh - kLow);
      factor = 1 / ((1 - smooth) / kFactor + smooth);
    }
    out.push_back(static_cast<float>(factor));
  }
  return out;
}

}  // namespace

void write_tiny_gguf(const std::filesystem::path& path, const TinyModel& m) {
  GgufBytes out;
  const std::string a = m.arch + ".";
  out.key_string("general.architecture", m.arch).key_string("general.name", "tiny " + m.arch);
  out.key_u32(a + "block_count", m.layers).key_u32(a + "context_length", m.context);
  out.key_u32(a + "embedding_length", m.model).key_u32(a + "feed_forward_length", m.ffn);
  out.key_u32(a + "attention.head_count", m.heads).key_u32(a + "attention.head_count_kv", m.kv_heads);
  out.key_u32(a + "attention.key_length", m.head_dim).key_u32(a + "attention.value_length", m.head_dim);
  out.key_u32(a + "rope.dimension_count", m.head_dim).key_f32(a + "rope.freq_base", 10000.0f);
  out.key_f32(a + "attention.layer_norm_rms_epsilon", 1e-5f).key_u32(a + "vocab_size", m.vocab);
  if (m.rope == "linear" || m.rope == "yarn") {
    out.key_string(a + "rope.scaling.type", m.rope).key_f32(a + "rope.scaling.factor", 4.0f);
    if (m.rope == "yarn") out.key_u32(a + "rope.scaling.original_context_length", 32);
  }
  add_tokenizer(out);
  if (m.rope == "llama3") {
    const std::vector<float> factors = llama3_factors(m);
    out.tensor("rope_freqs.weight", {factors.size()}, 0, encode(kF32, factors));
  }
  for (const TinyTensor& t : make_tensors(m)) {
    const bool vector = t.rows == 1;
    const std::vector<uint64_t> dims = vector ? std::vector<uint64_t>{t.cols} : std::vector<uint64_t>{t.cols, t.rows};
    const int32_t used = vector ? kF32 : m.ggml_type;
    out.tensor(t.gguf, dims, static_cast<uint32_t>(used), gguf_data(t, used));
  }
  const std::vector<uint8_t> bytes = out.bytes();
  write_bytes(path, bytes.data(), bytes.size());
}

void write_tiny_folder(const std::filesystem::path& folder, const TinyModel& m, uint32_t shards) {
  std::filesystem::create_directories(folder);
  write_config(folder, m);
  write_tokenizer(folder);
  const std::vector<TinyTensor> tensors = make_tensors(m);
  if (shards <= 1) return write_safetensors(folder / "model.safetensors", tensors);
  json map = json::object();
  for (uint32_t i = 0; i < shards; ++i) {
    char name[48];
    std::snprintf(name, sizeof name, "model-%05u-of-%05u.safetensors", i + 1, shards);
    const size_t begin = tensors.size() * i / shards, end = tensors.size() * (i + 1) / shards;
    write_safetensors(folder / name, std::span(tensors).subspan(begin, end - begin));
    for (size_t t = begin; t < end; ++t) map[tensors[t].hf] = name;
  }
  write_json(folder / "model.safetensors.index.json", {{"metadata", {{"total_size", 0}}}, {"weight_map", map}});
}

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "runnel-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace runnel::test
