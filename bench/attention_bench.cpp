// Every attention row that this CPU runs with every type of storage, on the heads of real models: one token at a depth
// (decode), and a tile of a prompt. GB/s are of the keys and values seen, multiply-adds those of q.k and p.v. A row
// whose result is wrong is not timed.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "bench/support/figures.h"
#include "bench/support/shapes.h"
#include "kernels/attention/attention.h"
#include "tests/kernels/matmul/matmul_problem.h"

namespace runnel::bench {
namespace {

constexpr uint32_t kPageShift = 5;

// Queries of `tokens` tokens at the end of a sequence of depth + tokens, in pages one after the other.
class Problem {
 public:
  Problem(const ModelShape& model, const AttentionKernel& attention, const KvKernel& storage, uint32_t depth,
          uint32_t tokens)
      : model_(model),
        attention_(attention),
        storage_(storage),
        depth_(depth),
        tokens_(tokens),
        length_(depth + tokens),
        q_(size_t{tokens} * columns()),
        out_(q_.size()),
        keys_(size_t{length_} * kv_columns()),
        values_(keys_.size()),
        page_count_((length_ >> kPageShift) + 1),
        head_stride_(uint64_t{kv_block_bytes(storage.type, model.head_dim)} << kPageShift >> kMinPageShift),
        part_bytes_(head_stride_ * model.kv_heads),
        scratch_(attention_scratch_floats(model.heads, model.kv_heads, model.head_dim) * sizeof(float)),
        memory_(page_count_ * 2 * part_bytes_) {
    std::minstd_rand random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    // What f16 holds exactly, so that the reference needs no rounding.
    const auto draw = [&] { return std::round(uniform(random) * 64) / 64; };
    for (float& x : q_) x = uniform(random);
    for (float& x : keys_) x = draw();
    for (float& x : values_) x = draw();
    for (uint32_t p = 0; p < page_count_; ++p) pages_.push_back(memory_.data() + p * 2 * part_bytes_);
    view_ = {pages_.data(), kPageShift, {0, head_stride_}, {part_bytes_, head_stride_}};
    for (uint32_t t = 0; t < length_; ++t) {
      store_keys(storage, view_, t, &keys_[size_t{t} * kv_columns()], model.kv_heads, model.head_dim);
      store_values(storage, view_, t, &values_[size_t{t} * kv_columns()], model.kv_heads, model.head_dim);
    }
  }

  void run() {
    AttentionArgs args;
    args.q = q_.data();
    args.out = out_.data();
    args.q_stride = args.out_stride = columns();
    args.kv = view_;
    args.keys = args.values = &storage_;
    args.first_position = depth_;
    args.tokens = tokens_;
    args.heads = model_.heads;
    args.kv_heads = model_.kv_heads;
    args.head_dim = model_.head_dim;
    args.scale = scale();
    args.window = 0;
    args.scratch = reinterpret_cast<float*>(scratch_.data());
    args.partials = nullptr;
    attention_.run(args, 0, attention_units(tokens_, model_.heads, model_.kv_heads));
  }

  // The first and the last token, in every head, against double precision.
  std::string check() const {
    for (const uint32_t t : {0u, tokens_ - 1}) {
      for (uint32_t head = 0; head < model_.heads; ++head) {
        if (std::string wrong = check_head(t, head); !wrong.empty()) return wrong;
      }
    }
    return {};
  }

  double bytes() const {
    return 2.0 * length_ / kKvBlock * model_.kv_heads * kv_block_bytes(storage_.type, model_.head_dim);
  }
  double macs() const {
    const double seen = (depth_ + 1.0 + length_) * tokens_ / 2;
    return 2 * seen * columns();
  }

 private:
  uint32_t columns() const { return model_.heads * model_.head_dim; }
  uint32_t kv_columns() const { return model_.kv_heads * model_.head_dim; }
  float scale() const { return 1 / std::sqrt(static_cast<float>(model_.head_dim)); }

  // What is stored was drawn to be exact in floats; quantised, a row that sees one value has that value's error.
  double tolerance() const { return storage_.type == KvType::q8 ? 1e-2 : storage_.type == KvType::q4 ? 0.2 : 1e-4; }

  std::string check_head(uint32_t t, uint32_t head) const {
    const uint32_t dim = model_.head_dim, seen = depth_ + t + 1;
    const size_t kv_offset = size_t{head / (model_.heads / model_.kv_heads)} * dim;
    const float* q = &q_[size_t{t} * columns() + size_t{head} * dim];
    std::vector<double> sums(dim, 0);
    double total = 0;
    for (uint32_t j = 0; j < seen; ++j) {
      const float* key = &keys_[size_t{j} * kv_columns() + kv_offset];
      const float* value = &values_[size_t{j} * kv_columns() + kv_offset];
      double score = 0;
      for (uint32_t d = 0; d < dim; ++d) score += double{q[d]} * key[d];
      const double weight = std::exp(score * scale());  // scores are small: no maximum to take off
      total += weight;
      for (uint32_t d = 0; d < dim; ++d) sums[d] += weight * value[d];
    }
    for (uint32_t d = 0; d < dim; ++d) {
      const double got = out_[size_t{t} * columns() + size_t{head} * dim + d];
      if (std::abs(got - sums[d] / total) <= tolerance()) continue;
      return "wrong: token " + std::to_string(t) + ", head " + std::to_string(head) + " is " + std::to_string(got) +
             ", not " + std::to_string(sums[d] / total);
    }
    return {};
  }

  const ModelShape& model_;
  const AttentionKernel& attention_;
  const KvKernel& storage_;
  uint32_t depth_, tokens_, length_;
  std::vector<float> q_, out_, keys_, values_;
  uint32_t page_count_;
  uint64_t head_stride_;  // keys, or values, of a kv head in a page
  uint64_t part_bytes_;   // of all kv heads
  test::AlignedBytes scratch_, memory_;
  std::vector<uint8_t*> pages_;
  KvView view_ = {};
};

void run_row(benchmark::State& state, const AttentionKernel& attention, const KvKernel& storage,
             const ModelShape& model, uint32_t depth, uint32_t tokens) {
  Problem problem(model, attention, storage, depth, tokens);
  problem.run();
  if (const std::string wrong = problem.check(); !wrong.empty()) return state.SkipWithError(wrong.c_str());
  const Figures figures;
  for (auto _ : state) {
    problem.run();
    benchmark::ClobberMemory();
  }
  figures.set(state, tokens == 1 ? problem.bytes() : 0, problem.macs(), Arithmetic::f32);
}

const bool registered = [] {
  struct Place {
    const char* name;
    uint32_t depth, tokens;
  };
  constexpr Place kPlaces[] = {{"decode_512", 512, 1},
                               {"decode_4096", 4096, 1},
                               {"decode_16384", 16384, 1},
                               {"prefill_0", 0, 512},
                               {"prefill_4096", 4096, 64}};
  for (uint32_t i = 0; kv_kernel(i) != nullptr; ++i) {
    const KvKernel& storage = *kv_kernel(i);
    if (!covers(active_isa(), storage.isa)) continue;
    const AttentionKernel& attention = choose_attention(storage.isa);
    for (const ModelShape& model : model_shapes()) {
      for (const Place& place : kPlaces) {
        const std::string title = std::string("attention") + (storage.name + 2) + "/" + model.name + "/" + place.name;
        benchmark::RegisterBenchmark(title.c_str(), [&attention, &storage, &model, place](benchmark::State& state) {
          run_row(state, attention, storage, model, place.depth, place.tokens);
        })->Unit(benchmark::kMillisecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace runnel::bench
