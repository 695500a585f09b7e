#include "tests/support/oracle.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include "converters/safetensors/safetensors_file.h"

namespace runnel::test {
namespace {

std::vector<int32_t> integers(const SafetensorsTensor* tensor) {
  std::vector<int32_t> out;
  if (tensor == nullptr) return out;
  if (tensor->dtype != "I64") throw std::runtime_error("oracle: " + tensor->name + " is not I64");
  for (size_t at = 0; at < tensor->bytes.size(); at += 8) {
    int64_t value;
    std::memcpy(&value, tensor->bytes.data() + at, 8);
    out.push_back(static_cast<int32_t>(value));
  }
  return out;
}

}  // namespace

std::vector<OracleCase> read_oracle(const std::filesystem::path& path) {
  Result<SafetensorsFile> file = SafetensorsFile::open(path.c_str());
  if (!file.ok()) throw std::runtime_error(file.status().message());
  std::vector<OracleCase> out;
  for (int i = 0; file->tensor("ids." + std::to_string(i)) != nullptr; ++i) {
    const std::string number = std::to_string(i);
    const SafetensorsTensor* logits = file->tensor("logits." + number);
    if (logits == nullptr || logits->dtype != "F32") throw std::runtime_error("oracle: no logits." + number);
    OracleCase one;
    one.ids = integers(file->tensor("ids." + number));
    one.greedy = integers(file->tensor("greedy." + number));
    one.logits.resize(logits->bytes.size() / sizeof(float));
    std::memcpy(one.logits.data(), logits->bytes.data(), logits->bytes.size());
    out.push_back(std::move(one));
  }
  if (out.empty()) throw std::runtime_error("oracle: no cases in " + path.string());
  return out;
}

}  // namespace runnel::test
