// Writes a float32 matrix as NumPy's .npy, format 1.0 (NumPy documentation, numpy.lib.format).
#pragma once

#include <cstdint>
#include <string>

#include "graph/file/output_file.h"
#include "runnel/status.h"

namespace runnel::tools {

// Rows arrive one by one; the file appears under its name only when finish() succeeds.
class NpyWriter {
 public:
  static Result<NpyWriter> create(const std::string& path, uint64_t rows, uint64_t cols);
  Status write_rows(const float* values, uint64_t rows);
  Status finish();

 private:
  OutputFile file_;
  uint64_t cols_ = 0, written_bytes_ = 0;
};

}  // namespace runnel::tools
