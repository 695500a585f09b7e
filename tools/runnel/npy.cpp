#include "tools/runnel/npy.h"

#include <cstdio>

namespace runnel::tools {

Result<NpyWriter> NpyWriter::create(const std::string& path, uint64_t rows, uint64_t cols) {
  NpyWriter out;
  RUNNEL_ASSIGN(out.file_, OutputFile::create(path, "logits"));
  out.cols_ = cols;
  char text[128];
  const int length =
      std::snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %llu), }",
                    static_cast<unsigned long long>(rows), static_cast<unsigned long long>(cols));
  // Magic, version 1.0, header length; the header ends in a newline on a multiple of 64 bytes.
  std::string header("\x93NUMPY\x01\x00", 8);
  const size_t padded = (10 + static_cast<size_t>(length) + 1 + 63) / 64 * 64;
  const size_t header_length = padded - 10;
  header.push_back(static_cast<char>(header_length & 0xff));
  header.push_back(static_cast<char>(header_length >> 8));
  header.append(text, static_cast<size_t>(length));
  header.resize(padded - 1, ' ');
  header.push_back('\n');
  RUNNEL_TRY(out.file_.write_at(0, {reinterpret_cast<const uint8_t*>(header.data()), header.size()}));
  out.written_bytes_ = header.size();
  return out;
}

Status NpyWriter::write_rows(const float* values, uint64_t rows) {
  const size_t bytes = rows * cols_ * sizeof(float);
  RUNNEL_TRY(file_.write_at(written_bytes_, {reinterpret_cast<const uint8_t*>(values), bytes}));
  written_bytes_ += bytes;
  return {};
}

Status NpyWriter::finish() {
  RUNNEL_TRY(file_.sync());
  return file_.publish();
}

}  // namespace runnel::tools
