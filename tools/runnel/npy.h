// Writes a float32 matrix as NumPy's .npy, format 1.0 (NumPy documentation, numpy.lib.format).
#pragma once

#include <cstdint>
#include <string>

#include "runnel/status.h"

namespace runnel::tools {

// Rows arrive one by one; the file appears under its name only when finish() succeeds.
class NpyWriter {
 public:
  explicit NpyWriter(std::string path) : path_(std::move(path)) {}
  ~NpyWriter();
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  Status create(uint64_t rows, uint64_t cols);
  Status write_rows(const float* values, uint64_t rows);
  Status finish();

 private:
  Status failed(const char* doing) const;

  std::string path_;
  int descriptor_ = -1;
  uint64_t cols_ = 0;
};

}  // namespace runnel::tools
