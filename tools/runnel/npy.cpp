#include "tools/runnel/npy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace runnel::tools {
namespace {

std::string partial_name(const std::string& path) { return path + ".partial"; }

bool write_all(int descriptor, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes != 0) {
    const ssize_t n = ::write(descriptor, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    bytes -= static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

NpyWriter::~NpyWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(partial_name(path_).c_str());
}

Status NpyWriter::failed(const char* doing) const {
  return Status::error(Code::io, "logits: cannot %s %s: %s", doing, path_.c_str(), std::strerror(errno));
}

Status NpyWriter::create(uint64_t rows, uint64_t cols) {
  descriptor_ = ::open(partial_name(path_).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) return failed("create");
  cols_ = cols;
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
  return write_all(descriptor_, header.data(), header.size()) ? Status() : failed("write");
}

Status NpyWriter::write_rows(const float* values, uint64_t rows) {
  return write_all(descriptor_, values, rows * cols_ * sizeof(float)) ? Status() : failed("write");
}

Status NpyWriter::finish() {
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0 || std::rename(partial_name(path_).c_str(), path_.c_str()) != 0) {
    Status status = failed("finish");
    ::unlink(partial_name(path_).c_str());
    return status;
  }
  return {};
}

}  // namespace runnel::tools
