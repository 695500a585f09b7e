// Real files: one small model in every GGUF weight type against its unquantised self. Bounds are what the types' bits
// allow on these weights; a misplaced bit or scale is far outside.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "converters/gguf/gguf_file.h"
#include "kernels/dtype.h"
#include "tests/support/test_data.h"

namespace runnel::test {
namespace {

std::vector<float> values(const GgufTensor& tensor) {
  const DTypeInfo* type = find_ggml_dtype(tensor.ggml_type);
  if (type == nullptr) return {};
  const size_t blocks = tensor.row_bytes * tensor.rows * tensor.depth / type->block_bytes;
  std::vector<float> out(blocks * type->group);
  type->dequantize(tensor.data, out.data(), blocks);
  return out;
}

TEST(GgufFiles, EveryTypeIsNearTheUnquantisedModel) {
  const std::filesystem::path folder = test_data_dir() / "gguf-oracle";
  RUNNEL_NEEDS_DATA(folder);
  auto plain = GgufFile::open((folder / "f32.gguf").c_str());
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  const std::map<std::string, double> bounds = {
      {"f32", 0},      {"f16", 3e-4},    {"bf16", 0},      {"q8_0", 0.006}, {"q4_0", 0.09}, {"q4_1", 0.08},
      {"q5_0", 0.045}, {"q5_1", 0.04},   {"q2_k", 0.31},   {"q3_k", 0.16},  {"q4_k", 0.08}, {"q5_k", 0.04},
      {"q6_k", 0.021}, {"iq4_nl", 0.08}, {"iq4_xs", 0.08}, {"mxfp4", 0.13}, {"tq1_0", 0.9}, {"tq2_0", 0.9}};
  std::map<std::string, int> seen;
  for (const DTypeInfo* dtype : dtypes()) {
    const std::string name = dtype->ggml_name, file = name == "mxfp4" ? "mxfp4_moe" : name;
    auto gguf = GgufFile::open((folder / (file + ".gguf")).c_str());
    ASSERT_TRUE(gguf.ok()) << gguf.status().message();
    double worst = 0;
    for (const GgufTensor& tensor : gguf->tensors()) {
      const GgufTensor* reference = plain->tensor(tensor.name);
      ASSERT_NE(reference, nullptr) << tensor.name;
      const DTypeInfo* type = find_ggml_dtype(tensor.ggml_type);
      ASSERT_NE(type, nullptr) << tensor.name << " type " << tensor.ggml_type;
      const std::vector<float> want = values(*reference), got = values(tensor);
      ASSERT_EQ(want.size(), got.size());
      double error = 0, total = 0;
      for (size_t i = 0; i < want.size(); ++i) {
        error += (double(want[i]) - got[i]) * (double(want[i]) - got[i]);
        total += double(want[i]) * want[i];
      }
      const double rms = std::sqrt(error / total);
      ++seen[type->ggml_name];
      EXPECT_LE(rms, bounds.at(type->ggml_name)) << file << " " << tensor.name << " as " << type->ggml_name;
      if (type == dtype) worst = std::max(worst, rms);
    }
    RecordProperty(name, std::to_string(worst));
  }
  for (const DTypeInfo* dtype : dtypes()) EXPECT_GT(seen[dtype->ggml_name], 0) << "no tensor of " << dtype->ggml_name;
}

}  // namespace
}  // namespace runnel::test
