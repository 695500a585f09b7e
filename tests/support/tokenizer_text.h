// Encoding and decoding as tests want them: values, and a failed expectation where the library gives a Status.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/tokenizer/tokenizer.h"

namespace runnel::test {

inline std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text,
                                   const EncodeOptions& options = {.add_special = false, .parse_special = true}) {
  Array<int32_t> ids;
  const Status status = tokenizer.encode(text, options, &ids);
  EXPECT_TRUE(status.ok()) << status.message();
  return {ids.begin(), ids.end()};
}

inline std::string decode(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, bool special = true) {
  Array<char> text;
  const Status status = tokenizer.decode(ids, special, &text);
  EXPECT_TRUE(status.ok()) << status.message();
  return {text.begin(), text.end()};
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace runnel::test
