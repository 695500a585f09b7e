// Where the optional test data lies: $RUNNEL_TEST_DATA, or shared/ beside the source tree.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace runnel::test {

inline std::filesystem::path test_data_dir() {
  const char* given = std::getenv("RUNNEL_TEST_DATA");
  if (given != nullptr && *given != '\0') return given;
  return std::filesystem::path(RUNNEL_SOURCE_DIR) / ".." / "shared";
}

}  // namespace runnel::test

// Skips the test, and says why, unless `path` (of a std::filesystem::path) exists.
#define RUNNEL_NEEDS_DATA(path)       \
  if (!std::filesystem::exists(path)) \
  GTEST_SKIP() << "no " << (path).string() << " here; set RUNNEL_TEST_DATA to the folder that has the test data"
