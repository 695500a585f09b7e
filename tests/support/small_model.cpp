#include "tests/support/small_model.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

#include "graph/builder.h"

namespace runnel::test {
namespace {

void check(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

constexpr int32_t kEndIds[] = {2, 7};
constexpr int32_t kGoldenIds[] = {1, 5, 9};
constexpr GoldenText kTexts[] = {{"a golden text", kGoldenIds}, {"", {}}};
constexpr GoldenChat kChats[] = {{R"([{"role":"user","content":"hi"}])", "<user>hi</user>"}};
constexpr KeyValue kProvenance[] = {{"source", "small_model.cpp"}, {"converter", "test"}};
constexpr QualityFigure kQuality[] = {{"perplexity", 3.5, "a text"}};

}  // namespace

Graph small_graph(const SmallModel& m) {
  GraphBuilder b;
  const uint32_t w = m.width, heads = 2, head_dim = w / heads;
  BuildValue embed = b.weight("embed", DType::q8g32, m.vocab, w);
  BuildValue frequencies = b.weight("rope.inv_freq", DType::f32, 1, head_dim / 2);
  BuildValue x = b.embed(embed);
  BuildValue table = b.rope_table(frequencies);
  for (uint32_t layer = 0; layer < m.layers; ++layer) {
    b.begin_layer(layer);
    const auto weight = [&](const char* name, DType dtype, uint32_t rows, uint32_t cols) {
      return b.weight((std::to_string(layer) + "." + name).c_str(), dtype, rows, cols);
    };
    BuildValue y = b.rms_norm(x, weight("attn.norm", DType::f32, 1, w), 1e-5f);
    const BuildValue qkv[] = {weight("attn.q", DType::q8g32, w, w), weight("attn.k", DType::q8g32, w, w),
                              weight("attn.v", DType::q8g32, w, w)};
    BuildValue parts[3];
    b.linear_siblings(y, (std::to_string(layer) + ".attn.qkv").c_str(), qkv, {}, parts);
    const RopeOptions rope = {heads, head_dim, 0, false};
    AttentionOptions attention;
    attention.heads = heads;
    attention.kv_heads = heads;
    attention.head_dim = head_dim;
    y = b.attention(b.rope(parts[0], table, rope), b.rope(parts[1], table, rope), parts[2], attention);
    x = b.add(x, b.linear(y, weight("attn.o", DType::q8g32, w, w)));
  }
  b.begin_layer(m.layers);
  x = b.rms_norm(b.select_rows(x), b.weight("out_norm", DType::f32, 1, w), 1e-5f);
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  check(b.finish(b.linear(x, embed), &graph, &sources));
  return graph;
}

std::vector<uint8_t> small_tensor(const SmallModel& model, uint32_t index, uint64_t bytes) {
  std::mt19937_64 random(model.seed * 1000003u + index);
  std::vector<uint8_t> out(bytes);
  for (uint8_t& b : out) b = static_cast<uint8_t>(random());
  return out;
}

std::vector<uint8_t> small_section(const std::string& name) {
  std::string text;
  while (text.size() < 200) text += name + "!";
  return {text.begin(), text.end()};
}

SmallSpec::SmallSpec(const SmallModel& model, const Graph& graph) {
  for (const std::string& name : model.sections) section_bytes_.push_back(small_section(name));
  for (size_t i = 0; i < section_bytes_.size(); ++i) sections_.push_back({model.sections[i], section_bytes_[i]});
  spec_.graph = &graph;
  spec_.name = model.name;
  spec_.architecture = "test";
  spec_.weights_label = "q8";
  spec_.chat_template = "{{ messages }}";
  spec_.context_length = 128;
  spec_.vocab_size = model.vocab;
  spec_.end_ids = kEndIds;
  spec_.sections = sections_;
  spec_.golden_texts = kTexts;
  spec_.golden_chats = kChats;
  spec_.provenance = kProvenance;
  spec_.quality = kQuality;
}

Status write_small(const SmallModel& model, const std::filesystem::path& path, const WriterOptions& options) {
  const Graph graph = small_graph(model);
  const SmallSpec spec(model, graph);
  RUNNEL_ASSIGN(ModelWriter writer, ModelWriter::create(path.c_str(), spec.spec(), options));
  for (uint32_t i = 0; i < graph.tensors.size(); ++i) {
    const std::vector<uint8_t> bytes = small_tensor(model, i, graph.tensors[i].bytes);
    // In uneven pieces.
    for (size_t at = 0; at < bytes.size();) {
      const size_t n = std::min<size_t>(bytes.size() - at, 70001);
      RUNNEL_TRY(writer.write(i, {bytes.data() + at, n}));
      at += n;
    }
  }
  const TensorError errors[] = {{0, 0.25f}};
  const KeyValue late[] = {{"source.sha256", "00ff"}};
  return writer.finish(errors, late);
}

AlignedBytes aligned(const std::vector<uint8_t>& bytes) {
  AlignedBytes out;
  out.storage.resize(bytes.size() + 64);
  out.offset = (64 - reinterpret_cast<uintptr_t>(out.storage.data()) % 64) % 64;
  out.size = bytes.size();
  std::copy(bytes.begin(), bytes.end(), out.data());
  return out;
}

std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::filesystem::path& path, const std::vector<uint8_t>& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!out) throw std::runtime_error("cannot write " + path.string());
}

std::vector<std::string> names_in(const TempFolder& folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace runnel::test
