// The shaders on a Vulkan device (RUNNEL_BENCH_DEVICE), on the shapes of real models: products with every storage type,
// by floats and by bytes, for one token and 64; attention at the places of attention_bench.cpp; row operations for one
// token and 512. Times are a node's, from the recording of many; one token's products walk through as many copies of
// their weights as 256 MB hold, 64 at most.
#include <set>
#include <stdexcept>

#include "bench/support/shapes.h"
#include "bench/support/vulkan_problem.h"
#include "graph/vulkan/ops/weights.h"

namespace runnel::bench {
namespace {

constexpr uint64_t kCopiesBytes = uint64_t{256} << 20;  // larger matrices are left out
constexpr uint64_t kMostCopies = 64;

uint64_t packed_bytes(const DTypeInfo& type, const MatrixShape& shape) {
  PackedShape packed;
  return packed_shape(type, shape.n, shape.k, &packed) ? packed.bytes : UINT64_MAX;
}

Graph finish(GraphBuilder& builder, BuildValue y) {
  Graph graph;
  Array<GraphBuilder::WeightSource> sources;
  if (const Status status = builder.finish(y, &graph, &sources); !status.ok())
    throw std::runtime_error(status.message());
  return graph;
}

VulkanCase product(const DTypeInfo& type, const MatrixShape& shape, uint32_t tokens, bool dots) {
  const uint64_t bytes = packed_bytes(type, shape);
  const uint64_t copies = tokens == 1 ? std::clamp<uint64_t>(kCopiesBytes / bytes, 1, kMostCopies) : 1;
  GraphBuilder b;
  const BuildValue x = b.select_rows(b.embed(b.weight("x", DType::f32, kTableRows, shape.k)));
  BuildValue sum;
  for (uint64_t i = 0; i < copies; ++i) {
    const BuildValue y =
        b.linear(x, b.weight(std::string("w").append(std::to_string(i)).c_str(), type.dtype, shape.n, shape.k));
    sum = i == 0 ? y : b.add(sum, y);
  }
  return {.graph = finish(b, sum),
          .timed = &op_linear,
          .tokens = tokens,
          .activations = dots ? Activations::q8 : Activations::f32,
          .bytes = static_cast<double>(bytes),
          .macs = static_cast<double>(tokens) * shape.k * shape.n};
}

struct AttentionPlace {
  const char* name;
  uint32_t depth, tokens;
};

VulkanCase attention(const ModelShape& model, KvType kv, const AttentionPlace& place) {
  GraphBuilder b;
  const uint32_t cols = model.heads * model.head_dim, kv_cols = model.kv_heads * model.head_dim;
  const BuildValue q = b.embed(b.weight("q", DType::f32, kTableRows, cols));
  const BuildValue k = b.embed(b.weight("k", DType::f32, kTableRows, kv_cols));
  const BuildValue v = b.embed(b.weight("v", DType::f32, kTableRows, kv_cols));
  const BuildValue y =
      b.attention(q, k, v, {.heads = model.heads, .kv_heads = model.kv_heads, .head_dim = model.head_dim});
  const double length = place.depth + place.tokens;
  const double seen = (place.depth + 1.0 + length) * place.tokens / 2;
  return {
      .graph = finish(b, b.select_rows(y)),
      .timed = &op_attention,
      .tokens = place.tokens,
      .depth = place.depth,
      .kv = kv,
      .bytes = place.tokens == 1 ? 2.0 * length / kKvBlock * model.kv_heads * kv_block_bytes(kv, model.head_dim) : 0,
      .macs = 2 * seen * cols};
}

struct RowOp {
  const char* name;
  const OpDef* op;
  bool two_inputs;  // else a row of weights
  bool on_ffn;      // on the width of the FFN, not of the residual stream
  BuildValue (*add)(GraphBuilder& b, BuildValue x, BuildValue y, uint32_t n);
};

constexpr RowOp kRowOps[] = {
    {"rms_norm", &op_rms_norm, false, false,
     [](GraphBuilder& b, BuildValue x, BuildValue, uint32_t n) {
       return b.rms_norm(x, b.weight("w", DType::f32, 1, n), 1e-5f);
     }},
    {"layer_norm", &op_layer_norm, false, false,
     [](GraphBuilder& b, BuildValue x, BuildValue, uint32_t n) {
       return b.layer_norm(x, b.weight("w", DType::f32, 1, n), {}, 1e-5f);
     }},
    {"add", &op_add, true, false, [](GraphBuilder& b, BuildValue x, BuildValue y, uint32_t) { return b.add(x, y); }},
    {"silu_mul", &op_gated, true, true,
     [](GraphBuilder& b, BuildValue x, BuildValue y, uint32_t) { return b.gated(x, y, GateKind::silu); }},
    {"gelu_tanh_mul", &op_gated, true, true,
     [](GraphBuilder& b, BuildValue x, BuildValue y, uint32_t) { return b.gated(x, y, GateKind::gelu_tanh); }},
};

VulkanCase row_op(const RowOp& op, uint32_t n, uint32_t tokens) {
  GraphBuilder b;
  const BuildValue x = b.embed(b.weight("x", DType::f32, kTableRows, n));
  const BuildValue y = op.two_inputs ? b.embed(b.weight("y", DType::f32, kTableRows, n)) : x;
  const double floats = op.two_inputs ? 3.0 * n * tokens : 2.0 * n * tokens + n;  // in and out
  return {.graph = finish(b, b.select_rows(op.add(b, x, y, n))),
          .timed = op.op,
          .tokens = tokens,
          .bytes = floats * sizeof(float)};
}

template <class Make>
void add_row(const std::string& title, Make make) {
  benchmark::RegisterBenchmark(title.c_str(), [make](benchmark::State& state) { run_vulkan_row(state, make()); })
      ->UseManualTime()
      ->Iterations(kVulkanBatches)
      ->Unit(benchmark::kMicrosecond);
}

void add_products(const DTypeInfo& type) {
  const vulkan::WeightShaders* shaders = vulkan::find_weight_shaders(type.dtype);
  if (shaders == nullptr) return;
  for (const bool dots : {false, true}) {
    if (dots && shaders->dots == vulkan::Shader::count) continue;
    for (const uint32_t tokens : {1u, 64u}) {
      const std::string kind =
          std::string(dots ? "vulkan_dot_" : "vulkan_linear_") + type.name + "_" + std::to_string(tokens);
      for (const ModelShape& model : model_shapes()) {
        for (const MatrixShape& shape : model.matrices) {
          if (packed_bytes(type, shape) > kCopiesBytes) continue;
          add_row(kind + "/" + model.name + "/" + shape.name,
                  [&type, &shape, tokens, dots] { return product(type, shape, tokens, dots); });
        }
      }
    }
  }
}

const bool registered = [] {
  for (const DTypeInfo* type : dtypes()) add_products(*type);
  static constexpr AttentionPlace kPlaces[] = {{"decode_512", 512, 1},
                                               {"decode_4096", 4096, 1},
                                               {"decode_16384", 16384, 1},
                                               {"prefill_0", 0, 512},
                                               {"prefill_4096", 4096, 64}};
  static constexpr struct {
    KvType type;
    const char* name;
  } kStorage[] = {{KvType::f32, "f32"}, {KvType::f16, "f16"}, {KvType::q8, "q8"}, {KvType::q4, "q4"}};
  std::set<uint32_t> hidden, ffn;
  for (const ModelShape& model : model_shapes()) {
    hidden.insert(model.hidden);
    ffn.insert(model.ffn);
    for (const auto& storage : kStorage) {
      for (const AttentionPlace& place : kPlaces)
        add_row(std::string("vulkan_attention_") + storage.name + "/" + model.name + "/" + place.name,
                [&model, &place, kv = storage.type] { return attention(model, kv, place); });
    }
  }
  for (const RowOp& op : kRowOps) {
    for (const uint32_t tokens : {1u, 512u}) {
      for (const uint32_t n : op.on_ffn ? ffn : hidden)
        add_row(std::string("vulkan_") + op.name + "_" + std::to_string(tokens) + "/" + std::to_string(n),
                [&op, n, tokens] { return row_op(op, n, tokens); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace runnel::bench
