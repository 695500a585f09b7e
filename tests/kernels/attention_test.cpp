// Every row of attention.inc with every row of kv.inc against double precision, over shuffled pages that end at
// unmapped memory.
#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "tests/kernels/emulated/emulated_rows.h"
#include "tests/kernels/stored_number.h"
#include "tests/support/guarded_buffer.h"

namespace runnel {
namespace {

using test::GuardedBuffer;

struct Shape {
  uint32_t heads, kv_heads, head_dim, page_shift, first, tokens, window;
};

void PrintTo(const Shape& s, std::ostream* os) {
  *os << s.heads << "x" << s.kv_heads << " heads of " << s.head_dim << ", pages of " << (1u << s.page_shift) << ", "
      << s.tokens << " tokens at " << s.first << ", window " << s.window;
}

struct Kernels {
  const AttentionKernel* attention;
  const KvKernel* keys;
  const KvKernel* values;
};

// Random queries, keys and values; keys and values in pages in a shuffled order, one layer a page.
class Problem {
 public:
  Problem(const Shape& shape, uint32_t seed, const Kernels& kernels)
      : shape(shape),
        kernels(kernels),
        length(shape.first + shape.tokens),
        q(size_t(shape.tokens) * q_stride() * 4),
        out(size_t(shape.tokens) * q_stride() * 4, 0xff),
        scratch(attention_scratch_floats(shape.heads, shape.kv_heads, shape.head_dim) * 4, 0xff) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < size_t(shape.tokens) * q_stride(); ++i) q.as<float>()[i] = normal(random) * 2;
    const uint32_t page_tokens = 1u << shape.page_shift;
    const uint32_t page_count = (length + page_tokens - 1) / page_tokens;
    const uint64_t key_stride = uint64_t(page_tokens / kKvBlock) * kv_block_bytes(kernels.keys->type, shape.head_dim);
    const uint64_t value_stride =
        uint64_t(page_tokens / kKvBlock) * kv_block_bytes(kernels.values->type, shape.head_dim);
    const uint64_t key_part = key_stride * shape.kv_heads, value_part = value_stride * shape.kv_heads;
    for (uint32_t i = 0; i < page_count; ++i) memory.emplace_back(key_part + value_part, 0xff);  // not a number yet
    for (const GuardedBuffer& page : memory) pages.push_back(page.data());
    std::shuffle(pages.begin(), pages.end(), random);
    const bool keys_last = seed % 2 != 0;  // either part ends at the guard
    view = {pages.data(),
            shape.page_shift,
            {keys_last ? value_part : 0, key_stride},
            {keys_last ? 0 : key_part, value_stride}};
    keys.resize(size_t(length) * shape.kv_heads * shape.head_dim);
    values.resize(keys.size());
    for (float& x : keys) x = normal(random);
    for (float& x : values) x = normal(random);
    const size_t row = size_t(shape.kv_heads) * shape.head_dim;
    for (uint32_t t = 0; t < length; ++t) {
      store_keys(*kernels.keys, view, t, keys.data() + t * row, shape.kv_heads, shape.head_dim);
      store_values(*kernels.values, view, t, values.data() + t * row, shape.kv_heads, shape.head_dim);
    }
    read_back(kernels.keys->type, view.keys, true, &keys);
    read_back(kernels.values->type, view.values, false, &values);
    // A window gives pages back: nothing may look at them.
    const uint32_t oldest = shape.window != 0 && shape.first + 1 > shape.window ? shape.first + 1 - shape.window : 0;
    for (uint32_t i = 0; i < oldest / page_tokens; ++i) pages[i] = nullptr;
  }

  // What was stored instead of `numbers`, (length, kv_heads, head_dim): read from the pages as kv_block.h says, and as
  // near as the type can hold it.
  void read_back(KvType type, const KvPlace& place, bool transposed, std::vector<float>* numbers) const {
    float* x = numbers->data();
    const std::vector<double> rotation =
        test::is_rotated(type, transposed) ? test::rotation_matrix(shape.head_dim) : std::vector<double>();
    double errors = 0, squares = 0;
    for (uint32_t t = 0; t < length; ++t) {
      const uint32_t in_page = t & ((1u << view.page_shift) - 1);
      for (uint32_t head = 0; head < shape.kv_heads; ++head, x += shape.head_dim) {
        const uint8_t* block = pages[t >> view.page_shift] + place.offset + head * place.head_stride +
                               in_page / kKvBlock * kv_block_bytes(type, shape.head_dim);
        if (!rotation.empty()) test::multiply(rotation, false, x, shape.head_dim);
        for (uint32_t g = 0; g < shape.head_dim; g += 32) {
          const uint32_t n = std::min(32u, shape.head_dim - g);
          const float largest =
              std::abs(*std::max_element(x + g, x + g + n, [](float a, float b) { return std::abs(a) < std::abs(b); }));
          for (uint32_t d = g; d < g + n; ++d) {
            const float stored = test::stored_number(type, block, shape.head_dim, t % kKvBlock, d, transposed);
            ASSERT_LE(std::abs(stored - x[d]), test::rounding(type, x[d], largest)) << "token " << t << " value " << d;
            errors += std::pow(double(stored) - x[d], 2);
            squares += std::pow(double(x[d]), 2);
            x[d] = stored;
          }
        }
        if (!rotation.empty()) test::multiply(rotation, true, x, shape.head_dim);
      }
    }
    ASSERT_LE(std::sqrt(errors / squares), type == KvType::q4 ? 0.08 : type == KvType::q8 ? 0.008 : 0.0005);
  }

  size_t q_stride() const { return size_t(shape.heads) * shape.head_dim; }
  float scale() const { return 1.0f / std::sqrt(float(shape.head_dim)); }

  AttentionArgs args() const {
    AttentionArgs a = {};
    a.q = q.as<const float>();
    a.q_stride = a.out_stride = q_stride();
    a.out = out.as<float>();
    a.kv = view;
    a.keys = kernels.keys;
    a.values = kernels.values;
    a.first_position = shape.first;
    a.tokens = shape.tokens;
    a.heads = shape.heads;
    a.kv_heads = shape.kv_heads;
    a.head_dim = shape.head_dim;
    a.scale = scale();
    a.window = shape.window;
    a.scratch = scratch.as<float>();
    return a;
  }

  std::vector<double> expected(uint32_t token, uint32_t head) const {
    const uint32_t d_count = shape.head_dim, end = shape.first + token + 1;
    const uint32_t begin = shape.window != 0 && end > shape.window ? end - shape.window : 0;
    const uint32_t kv_head = head / (shape.heads / shape.kv_heads);
    const float* query = q.as<const float>() + token * q_stride() + head * d_count;
    std::vector<double> score(end), result(d_count);
    double maximum = -INFINITY, sum = 0;
    for (uint32_t j = begin; j < end; ++j) {
      const float* key = keys.data() + (size_t(j) * shape.kv_heads + kv_head) * d_count;
      for (uint32_t d = 0; d < d_count; ++d) score[j] += double(query[d]) * key[d];
      score[j] *= scale();
      maximum = std::max(maximum, score[j]);
    }
    for (uint32_t j = begin; j < end; ++j) sum += score[j] = std::exp(score[j] - maximum);
    for (uint32_t j = begin; j < end; ++j) {
      const float* value = values.data() + (size_t(j) * shape.kv_heads + kv_head) * d_count;
      for (uint32_t d = 0; d < d_count; ++d) result[d] += score[j] / sum * value[d];
    }
    return result;
  }

  Shape shape;
  Kernels kernels;
  uint32_t length;
  GuardedBuffer q, out, scratch;
  std::vector<GuardedBuffer> memory;
  std::vector<uint8_t*> pages;
  std::vector<float> keys, values;
  KvView view;
};

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (uint32_t head_dim : {1u, 16u, 20u, 64u, 80u, 96u, 100u, 128u, 256u, 512u})
    all.push_back({4, 2, head_dim, 4, 37, 3, 0});
  for (uint32_t group = 1; group <= 8; ++group) all.push_back({group * 3, 3, 24, 4, 20, 18, 0});
  for (uint32_t page_shift = kMinPageShift; page_shift <= 8; ++page_shift) {
    all.push_back({2, 1, 40, page_shift, 0, 50, 0});
    all.push_back({2, 1, 40, page_shift, 70, 1, 0});
    all.push_back({2, 2, 32, page_shift, 90, 33, 20});
  }
  for (uint32_t window : {1u, 2u, 15u, 16u, 17u, 31u, 64u}) {
    all.push_back({2, 1, 16, 4, 100, 1, window});
    all.push_back({2, 1, 16, 5, 0, 60, window});
  }
  for (uint32_t tokens : {1u, 15u, 16u, 17u, 32u}) all.push_back({7, 1, 64, 5, 15, tokens, 0});
  return all;
}

// Edges of the ranges of keys, which are dealt out to kParts parts in turn: one range, a key less, a key more, all
// parts once, a second turn; with windows that leave parts out.
std::vector<Shape> long_shapes() {
  std::vector<Shape> all;
  for (uint32_t length : {1u, kRangeKeys - 1, kRangeKeys, kRangeKeys + 1, 2 * kRangeKeys, 2 * kRangeKeys + 1,
                          kRangeKeys * kParts, kRangeKeys * kParts + 1, kRangeKeys * (kParts + 2) + 30})
    all.push_back({6, 2, 24, 5, length - 1, 1, 0});
  all.push_back({6, 2, 24, 5, kRangeKeys - 2, 4, 0});  // rows on both sides of an edge
  for (uint32_t window : {40u, kRangeKeys, kRangeKeys + 1, 5 * kRangeKeys + 7}) {
    all.push_back({3, 1, 16, 4, kRangeKeys * 9 + 3, 2, window});
    all.push_back({3, 1, 16, 4, kRangeKeys * (kParts + 1) + 70, 1, window});
  }
  return all;
}

class EachAttentionRow : public testing::TestWithParam<Kernels> {
 protected:
  void SetUp() override {
    kernels_ = {test::runnable(*GetParam().attention), test::runnable(*GetParam().keys),
                test::runnable(*GetParam().values)};
    if (kernels_.attention == nullptr) GTEST_SKIP() << "this CPU has no " << isa_name(GetParam().attention->isa);
  }

  void expect_near(const Problem& problem) const {
    const Shape& shape = problem.shape;
    for (uint32_t t = 0; t < shape.tokens; ++t) {
      for (uint32_t h = 0; h < shape.heads; ++h) {
        const std::vector<double> expected = problem.expected(t, h);
        const float* got = problem.out.as<const float>() + t * problem.q_stride() + size_t(h) * shape.head_dim;
        for (uint32_t d = 0; d < shape.head_dim; ++d)
          ASSERT_NEAR(got[d], expected[d], 1e-5) << "token " << t << " head " << h << " value " << d;
      }
    }
  }

  Kernels kernels_ = {};
};

TEST_P(EachAttentionRow, MatchesDoublePrecision) {
  uint32_t seed = 0;
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(testing::PrintToString(shape));
    const Problem problem(shape, ++seed, kernels_);
    kernels_.attention->run(problem.args(), 0, attention_units(shape.tokens, shape.heads, shape.kv_heads));
    expect_near(problem);
  }
}

// Parts handed out one by one, in any order, then merged: near double precision, and the bits of whole units.
TEST_P(EachAttentionRow, PartsGiveTheBitsOfWholeUnits) {
  std::mt19937 random(3);
  for (const Shape& shape : long_shapes()) {
    SCOPED_TRACE(testing::PrintToString(shape));
    const Problem problem(shape, 7, kernels_);
    AttentionArgs args = problem.args();
    kernels_.attention->run(args, 0, attention_units(shape.tokens, shape.heads, shape.kv_heads));
    expect_near(problem);
    ASSERT_LE(shape.tokens, attention_split_tokens(shape.heads, shape.kv_heads));
    GuardedBuffer partials(
        attention_partial_floats(shape.tokens, shape.heads, shape.kv_heads, shape.head_dim) * sizeof(float), 0xff);
    std::vector<float> out(shape.tokens * problem.q_stride());
    args.out = out.data();
    args.partials = partials.as<float>();
    std::vector<uint32_t> units(attention_parts(problem.length) * shape.kv_heads);
    for (uint32_t u = 0; u < units.size(); ++u) units[u] = u;
    std::shuffle(units.begin(), units.end(), random);
    for (const uint32_t u : units) kernels_.attention->run_parts(args, u, u + 1);
    kernels_.attention->merge(args, 0, shape.kv_heads);
    const float* whole = problem.out.as<const float>();
    for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], whole[i]) << "value " << i;
  }
}

// One token at a time and cut into other units: the same bits. Positions on both sides of a range's edge.
TEST_P(EachAttentionRow, BitsDependOnPositionAlone) {
  for (const uint32_t window : {0u, 21u}) {
    const Shape whole_shape = {6, 2, 72, 4, kRangeKeys - 20, 45, window};
    const Problem whole(whole_shape, 5, kernels_);
    kernels_.attention->run(whole.args(), 0, attention_units(45, 6, 2));
    for (uint32_t t = 0; t < 45; ++t) {
      AttentionArgs one = whole.args();
      std::vector<float> out(whole.q_stride());
      one.q += t * one.q_stride;
      one.out = out.data();
      one.first_position += t;
      one.tokens = 1;
      for (uint32_t u = 2; u-- > 0;) kernels_.attention->run(one, u, u + 1);
      const float* expected = whole.out.as<const float>() + t * whole.q_stride();
      for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], expected[i]) << "token " << t << " value " << i;
    }
  }
}

TEST_P(EachAttentionRow, HugeValuesStayFinite) {
  Problem problem({2, 1, 16, 4, 3, 4, 0}, 9, kernels_);
  std::vector<float> huge(16, 1e30f);
  huge[3] = -INFINITY;
  store_values(*kernels_.values, problem.view, 6, huge.data(), 1, 16);
  kernels_.attention->run(problem.args(), 0, 1);
  for (size_t i = 0; i < 4 * problem.q_stride(); ++i) EXPECT_TRUE(std::isfinite(problem.out.as<float>()[i]));
  // Token 6 is unseen by the first three rows.
  for (uint32_t d = 0; d < 16; ++d) EXPECT_NEAR(problem.out.as<float>()[d], problem.expected(0, 0)[d], 5e-6);
}

const KvKernel* storage(KvType type, Isa isa) {
  for (uint32_t i = 0; kv_kernel(i) != nullptr; ++i)
    if (kv_kernel(i)->type == type && kv_kernel(i)->isa == isa) return kv_kernel(i);
  return nullptr;
}

// Every instruction set with every type; keys and values of different types once around.
std::vector<Kernels> rows() {
  std::vector<Kernels> all;
  for (uint32_t i = 0; attention_kernel(i) != nullptr; ++i) {
    const AttentionKernel* attention = attention_kernel(i);
    for (uint8_t t = 0; t < kKvTypeCount; ++t) {
      const auto keys = storage(KvType{t}, attention->isa);
      all.push_back({attention, keys, keys});
      all.push_back({attention, keys, storage(KvType(uint8_t((t + 1) % kKvTypeCount)), attention->isa)});
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Kernels, EachAttentionRow, testing::ValuesIn(rows()), [](const auto& info) {
  return std::string(info.param.keys->name) + "_" + info.param.values->name;
});

TEST(Attention, EveryIsaHasARow) {
  for (const Isa isa : {Isa::scalar, cpu_isa()}) {
    for (uint8_t t = 0; t < kKvTypeCount; ++t) {
      ASSERT_NE(choose_kv(KvType{t}, isa), nullptr);
      EXPECT_EQ(choose_kv(KvType{t}, isa)->type, KvType{t});
      EXPECT_EQ(choose_kv(KvType{t}, isa)->isa, choose_attention(isa).isa);
    }
  }
  EXPECT_STREQ(choose_attention(Isa::scalar).name, "attention_scalar");
  EXPECT_STREQ(choose_kv(KvType::f16, Isa::scalar)->name, "kv_f16_scalar");
}

}  // namespace
}  // namespace runnel
