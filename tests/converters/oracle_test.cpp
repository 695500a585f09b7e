// Converted models against the logits that transformers computes for their sources: both source formats, every weight
// format, every instruction set of this machine, any number of threads.
#include "tests/support/oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "converters/convert.h"
#include "runtime/eval/likelihood.h"
#include "runtime/pool/worker_pool.h"
#include "tests/support/model_runner.h"
#include "tests/support/test_data.h"
#include "tests/support/tiny_models.h"

namespace runnel {
namespace {

using test::OracleCase;

constexpr double kFloatBound = 1e-3;  // largest difference of a logit

std::vector<Isa> isas() {
  std::vector<Isa> out;
  for (Isa isa : {Isa::scalar, Isa::neon, Isa::neon_dotprod, Isa::neon_i8mm, Isa::avx2, Isa::avxvnni, Isa::avx512vnni})
    if (covers(cpu_isa(), isa)) out.push_back(isa);
  return out;
}

struct Divergence {
  double largest = 0;  // difference of a logit
  double kl_mean = 0;
  double top1 = 0;    // share of rows with the same likeliest token
  double spread = 0;  // root mean square of the reference's logits about their row's mean
};

// Converts once a source and format; models live as long as the test binary.
const std::string& converted(const std::filesystem::path& source, WeightsOut weights) {
  static test::TempFolder folder;
  static std::map<std::pair<std::string, WeightsOut>, std::string> done;
  std::string& path = done[{source.string(), weights}];
  if (!path.empty()) return path;
  ConvertOptions options;
  options.input = source.string();
  options.output = (folder / (std::to_string(done.size()) + ".rnl")).string();
  options.weights = weights;
  const Status status = convert(options, nullptr);
  if (!status.ok()) throw std::runtime_error(status.message());
  return path = options.output;
}

Divergence compare(test::ModelRunner& runner, const std::vector<OracleCase>& cases) {
  Divergence out;
  size_t rows = 0;
  for (const OracleCase& one : cases) {
    const std::vector<float> got = runner.logits(one.ids);
    EXPECT_EQ(got.size(), one.logits.size());
    for (size_t i = 0; i < got.size(); ++i)
      out.largest = std::max(out.largest, std::fabs(double{got[i]} - one.logits[i]));
    for (size_t at = 0; at < got.size(); at += runner.vocab(), ++rows) {
      const std::span<const float> reference(one.logits.data() + at, runner.vocab());
      const std::span<const float> row(got.data() + at, runner.vocab());
      out.kl_mean += kl_divergence(reference, row);
      out.top1 += argmax(reference) == argmax(row);
      double sum = 0, squares = 0;
      for (float x : reference) {
        sum += x;
        squares += double{x} * x;
      }
      out.spread += squares / runner.vocab() - std::pow(sum / runner.vocab(), 2);
    }
  }
  out.kl_mean /= static_cast<double>(rows);
  out.top1 /= static_cast<double>(rows);
  out.spread = std::sqrt(out.spread / static_cast<double>(rows));
  return out;
}

void report(const char* what, const Divergence& d) {
  std::printf("    %s: largest difference %.2e (logits spread over %.2f), KL mean %.2e, same likeliest token %.1f%%\n",
              what, d.largest, d.spread, d.kl_mean, 100 * d.top1);
}

struct Reference {
  std::string source, oracle;  // below the data folder
};

class ArchOracle : public testing::TestWithParam<Reference> {
 protected:
  void SetUp() override {
    RUNNEL_NEEDS_DATA(source());
    cases_ = test::read_oracle(test::test_data_dir() / GetParam().oracle);
  }
  std::filesystem::path source() const { return test::test_data_dir() / GetParam().source; }
  std::vector<OracleCase> cases_;
};

TEST_P(ArchOracle, FloatLogitsAndGreedyIdsOnEveryPath) {
  const std::string& path = converted(source(), WeightsOut::f32);
  for (Isa isa : isas()) {
    std::vector<float> first;
    for (uint32_t threads : {1u, 2u, 4u}) {
      Result<WorkerPool> pool = WorkerPool::create(threads);
      ASSERT_TRUE(pool.ok());
      test::ModelRunner runner(path, *pool, {.isa = isa, .kv = KvType::f32});
      const std::vector<float> logits = runner.logits(cases_.back().ids);
      if (threads == 1) {
        const Divergence d = compare(runner, cases_);
        report(isa_name(isa), d);
        EXPECT_LE(d.largest, kFloatBound) << isa_name(isa);
        for (const OracleCase& one : cases_)
          EXPECT_EQ(runner.greedy(one.ids, static_cast<uint32_t>(one.greedy.size())), one.greedy) << isa_name(isa);
        first = logits;
      } else {
        EXPECT_EQ(logits, first) << threads << " threads on " << isa_name(isa);
      }
    }
  }
}

// A ring of few blocks, so that panels lie across their ends.
void expect_same_bits_streamed(const std::string& path, const OracleCase& one, StreamSplit split, uint32_t threads) {
  SerialFor serial;
  test::ModelRunner mapped(path, serial);
  Result<WorkerPool> pool = WorkerPool::create(threads);
  ASSERT_TRUE(pool.ok());
  test::ModelRunner streamed(path, *pool, {.streamed = split});
  EXPECT_EQ(streamed.logits(one.ids), mapped.logits(one.ids)) << split.pinned << " pinned, " << threads << " threads";
  EXPECT_EQ(streamed.greedy(one.ids, 2), mapped.greedy(one.ids, 2));
}

TEST_P(ArchOracle, StreamedWeightsGiveTheSameBits) {
  expect_same_bits_streamed(converted(source(), WeightsOut::f32), cases_.back(), {0, 2}, 1);
  expect_same_bits_streamed(converted(source(), WeightsOut::f32), cases_.back(), {2, 3}, 4);
  expect_same_bits_streamed(converted(source(), WeightsOut::q4), cases_.back(), {1, 5}, 2);
}

// 16-bit activations leave the weights' rounding alone; 8-bit ones add as much again.
TEST_P(ArchOracle, EightBitsStayClose) {
  SerialFor serial;
  const std::string& path = converted(source(), WeightsOut::q8);
  test::ModelRunner as_converted(path, serial);
  test::ModelRunner exact(path, serial, {.activations = Activations::f32});
  test::ModelRunner rounded(path, serial, {.activations = Activations::q8});
  const Divergence d = compare(as_converted, cases_);
  report("q8", d);
  report("q8, float activations", compare(exact, cases_));
  const Divergence coarse = compare(rounded, cases_);
  report("q8, 8-bit activations", coarse);
  EXPECT_LE(d.kl_mean, 2e-3);
  EXPECT_LE(coarse.kl_mean, 5e-3);
}

TEST_P(ArchOracle, FourBitsAreReported) {
  SerialFor serial;
  test::ModelRunner runner(converted(source(), WeightsOut::q4), serial);
  const Divergence d = compare(runner, cases_);
  report("q4", d);
  EXPECT_LE(d.kl_mean, 1.0);  // random weights are far harder on 4 bits than trained ones: only a broken path fails
}

std::string test_name(const testing::TestParamInfo<Reference>& info) {
  std::string name = info.param.source;
  for (char& c : name)
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

Reference folder(const std::string& name) { return {"oracle/" + name, "oracle/" + name + "/oracle.safetensors"}; }
Reference twin(const std::string& name) {
  return {"arch-gguf/" + name + ".gguf", "oracle/" + name + "/oracle.safetensors"};
}

INSTANTIATE_TEST_SUITE_P(Folder, ArchOracle,
                         testing::Values(folder("llama3"), folder("llama-tied"), folder("qwen2"), folder("qwen3")),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Gguf, ArchOracle,
                         testing::Values(twin("llama3"), twin("llama-tied"), twin("qwen2"), twin("qwen3")), test_name);

// Every GGUF weight type. "keep" bounds: the float kernels see the very same values, so what differs is the rounding of
// activations to 8 bits in the integer kernels of some types.
struct TypeBound {
  const char* type;
  double keep_kl;  // mean divergence with 8-bit activations
};

class GgufTypeOracle : public testing::TestWithParam<TypeBound> {
 protected:
  void SetUp() override {
    source_ = test::test_data_dir() / "gguf-oracle" / (std::string(GetParam().type) + ".gguf");
    RUNNEL_NEEDS_DATA(source_);
    cases_ = test::read_oracle(test::test_data_dir() / "gguf-oracle" /
                               (std::string(GetParam().type) + ".oracle.safetensors"));
  }
  std::filesystem::path source_;
  std::vector<OracleCase> cases_;
};

TEST_P(GgufTypeOracle, DequantisedToFloat) {
  SerialFor serial;
  test::ModelRunner runner(converted(source_, WeightsOut::f32), serial, {.kv = KvType::f32});
  const Divergence d = compare(runner, cases_);
  report("f32", d);
  EXPECT_LE(d.largest, kFloatBound);
}

// Float activations: the kept weights are the source's weights, to the last bit.
TEST_P(GgufTypeOracle, KeptWeightsAreExact) {
  SerialFor serial;
  test::ModelRunner runner(converted(source_, WeightsOut::keep), serial,
                           {.kv = KvType::f32, .activations = Activations::f32});
  const Divergence d = compare(runner, cases_);
  report("keep, float activations", d);
  EXPECT_LE(d.largest, kFloatBound);
}

TEST_P(GgufTypeOracle, KeptWeightsOnTheDefaultPath) {
  for (Isa isa : isas()) {
    SerialFor serial;
    test::ModelRunner runner(converted(source_, WeightsOut::keep), serial, {.isa = isa});
    const Divergence d = compare(runner, cases_);
    report(isa_name(isa), d);
    EXPECT_LE(d.kl_mean, GetParam().keep_kl) << isa_name(isa);
  }
}

TEST_P(GgufTypeOracle, StreamedWeightsGiveTheSameBits) {
  expect_same_bits_streamed(converted(source_, WeightsOut::keep), cases_.back(), {1, 2}, 2);
}

INSTANTIATE_TEST_SUITE_P(, GgufTypeOracle,
                         testing::Values(TypeBound{"f32", 1e-6}, TypeBound{"f16", 1e-6}, TypeBound{"bf16", 1e-6},
                                         TypeBound{"q8_0", 2e-3}, TypeBound{"q4_0", 2e-3}, TypeBound{"q4_1", 2e-3},
                                         TypeBound{"q5_0", 2e-3}, TypeBound{"q5_1", 2e-3}, TypeBound{"q2_k", 2e-3},
                                         TypeBound{"q3_k", 2e-3}, TypeBound{"q4_k", 2e-3}, TypeBound{"q5_k", 2e-3},
                                         TypeBound{"q6_k", 2e-3}, TypeBound{"iq4_nl", 2e-3}, TypeBound{"iq4_xs", 2e-3},
                                         TypeBound{"tq1_0", 2e-3}, TypeBound{"tq2_0", 2e-3},
                                         TypeBound{"mxfp4_moe", 2e-3}),
                         [](const auto& info) { return std::string(info.param.type); });

}  // namespace
}  // namespace runnel
