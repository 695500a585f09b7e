// Reference logits: what transformers computes in float32 for a few sequences of ids.
#pragma once

#include <filesystem>
#include <vector>

namespace runnel::test {

struct OracleCase {
  std::vector<int32_t> ids;
  std::vector<float> logits;    // (ids, vocab)
  std::vector<int32_t> greedy;  // continuation; empty when the file has none
};

// Throws std::runtime_error when the file is not as expected.
std::vector<OracleCase> read_oracle(const std::filesystem::path& path);

}  // namespace runnel::test
