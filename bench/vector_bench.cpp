// The row operations of every instruction set that this CPU runs, on the widths of real models, and quantising a row.
// Operands stay in the first-level cache, as they do in a step; GB/s are of floats in and out. An operation that does
// not agree with the scalar table is not timed.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bench/support/figures.h"
#include "bench/support/shapes.h"
#include "kernels/matmul/registry.h"
#include "kernels/vector/vector.h"

namespace runnel::bench {
namespace {

struct Row {
  explicit Row(uint32_t n) : a(n), b(n), out(n), half(n) {
    std::minstd_rand random(1);
    std::normal_distribution<float> normal;
    for (float& x : a) x = normal(random);
    for (float& x : b) x = normal(random);
  }
  uint32_t n() const { return static_cast<uint32_t>(a.size()); }
  std::vector<float> a, b, out;
  std::vector<uint16_t> half;
};

struct RowOp {
  const char* name;
  uint32_t floats_a_value;  // moved, in and out
  bool on_ffn;              // on the width of the FFN, not of the residual stream
  void (*run)(const VectorOps& ops, Row& row);
};

constexpr RowOp kOps[] = {
    {"rms_norm", 3, false,
     [](const VectorOps& ops, Row& r) { ops.rms_norm_row(r.a.data(), r.b.data(), 1e-5f, r.n(), r.out.data()); }},
    {"layer_norm", 3, false,
     [](const VectorOps& ops, Row& r) {
       ops.layer_norm_row(r.a.data(), r.b.data(), nullptr, 1e-5f, r.n(), r.out.data());
     }},
    {"add", 3, false, [](const VectorOps& ops, Row& r) { ops.add_row(r.a.data(), r.b.data(), r.n(), r.out.data()); }},
    {"silu_mul", 3, true,
     [](const VectorOps& ops, Row& r) { ops.silu_mul_row(r.a.data(), r.b.data(), r.n(), r.out.data()); }},
    {"gelu_mul", 3, true,
     [](const VectorOps& ops, Row& r) { ops.gelu_mul_row(r.a.data(), r.b.data(), r.n(), r.out.data()); }},
    {"gelu_tanh_mul", 3, true,
     [](const VectorOps& ops, Row& r) { ops.gelu_tanh_mul_row(r.a.data(), r.b.data(), r.n(), r.out.data()); }},
    {"softmax", 2, false, [](const VectorOps& ops, Row& r) { ops.softmax_row(r.a.data(), r.n(), r.out.data()); }},
    {"rope_neox", 3, false,
     [](const VectorOps& ops, Row& r) {
       std::memcpy(r.out.data(), r.a.data(), r.a.size() * sizeof(float));
       ops.rope_neox_row(r.out.data(), r.b.data(), r.b.data() + r.n() / 2, r.n() / 2);
     }},
    {"f32_to_f16", 2, false,
     [](const VectorOps& ops, Row& r) {
       ops.f32_to_f16_row(r.a.data(), r.n(), r.half.data());
       ops.f16_to_f32_row(r.half.data(), r.n(), r.out.data());
     }},
};

void run_row_op(benchmark::State& state, const VectorOps& ops, const RowOp& op, uint32_t n) {
  Row row(n), expected(n);
  op.run(ops, row);
  op.run(vector_ops(Isa::scalar), expected);
  for (uint32_t i = 0; i < n; ++i) {
    if (std::abs(row.out[i] - expected.out[i]) <= 1e-5f * (1 + std::abs(expected.out[i]))) continue;
    const std::string wrong = "wrong: value " + std::to_string(i) + " is " + std::to_string(row.out[i]) + ", not " +
                              std::to_string(expected.out[i]);
    return state.SkipWithError(wrong.c_str());
  }
  const Figures figures;
  for (auto _ : state) {
    op.run(ops, row);
    benchmark::ClobberMemory();
  }
  figures.set(state, static_cast<double>(op.floats_a_value) * n * sizeof(float), 0, Arithmetic::none);
}

void quantize(benchmark::State& state, LhsType type, uint32_t n) {
  const Row row(n);
  const uint32_t groups = (n + 31) / 32;
  std::vector<uint8_t> out(quantized_row_bytes(type, groups));
  quantize_row(type, row.a.data(), n, groups, out.data());
  const size_t value_bytes = type == LhsType::q8g32 ? 1 : 2;
  for (uint32_t i = 0; i < n; ++i) {
    float scale;
    int16_t q = 0;
    std::memcpy(&scale, out.data() + groups * 32 * value_bytes + (i / 32) * sizeof scale, sizeof scale);
    if (type == LhsType::q8g32) {
      q = static_cast<int8_t>(out[i]);
    } else {
      std::memcpy(&q, out.data() + i * sizeof q, sizeof q);
    }
    if (std::abs(static_cast<float>(q) * scale - row.a[i]) > 0.51f * scale)
      return state.SkipWithError("wrong: further off than half a level");
  }
  const Figures figures;
  for (auto _ : state) {
    quantize_row(type, row.a.data(), n, groups, out.data());
    benchmark::ClobberMemory();
  }
  figures.set(state, static_cast<double>(n * sizeof(float) + out.size()), 0, Arithmetic::none);
}

const bool registered = [] {
  std::set<uint32_t> hidden, ffn;
  for (const ModelShape& model : model_shapes()) {
    hidden.insert(model.hidden);
    ffn.insert(model.ffn);
  }
  for (uint32_t i = 0; vector_ops_row(i) != nullptr; ++i) {
    const VectorOps& ops = *vector_ops_row(i);
    if (!covers(active_isa(), ops.isa)) continue;
    for (const RowOp& op : kOps) {
      for (const uint32_t n : op.on_ffn ? ffn : hidden) {
        const std::string title = std::string("vector_") + ops.name + "/" + op.name + "/" + std::to_string(n);
        benchmark::RegisterBenchmark(title.c_str(), [&ops, &op, n](benchmark::State& state) {
          run_row_op(state, ops, op, n);
        })->Unit(benchmark::kMicrosecond);
      }
    }
  }
  hidden.merge(ffn);
  for (const LhsType type : {LhsType::q8g32, LhsType::q16g32}) {
    for (const uint32_t n : hidden) {
      const std::string title =
          std::string("quantize_row/") + (type == LhsType::q8g32 ? "q8g32/" : "q16g32/") + std::to_string(n);
      benchmark::RegisterBenchmark(title.c_str(), [type, n](benchmark::State& state) {
        quantize(state, type, n);
      })->Unit(benchmark::kMicrosecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace runnel::bench
