#include "graph/file/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace runnel {

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  std::swap(inode_, other.inode_);
  std::swap(changed_ns_, other.changed_ns_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<InputFile> InputFile::open(const char* path) noexcept {
  InputFile file;
  // Non-blocking: opening a pipe that nobody writes to must not wait for ever.
  file.fd_ = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.fd_ < 0) return Status::error(Code::io, "cannot open: %s", std::strerror(errno));
  struct stat info;
  if (::fstat(file.fd_, &info) != 0) return Status::error(Code::io, "cannot look at: %s", std::strerror(errno));
  if (S_ISDIR(info.st_mode)) return Status::error(Code::io, "is a directory, expected a file");
  if (!S_ISREG(info.st_mode)) return Status::error(Code::io, "is not a regular file, and cannot be mapped");
  file.bytes_ = static_cast<uint64_t>(info.st_size);
  file.inode_ = static_cast<uint64_t>(info.st_ino);
  file.changed_ns_ = static_cast<int64_t>(info.st_mtim.tv_sec) * 1000000000 + info.st_mtim.tv_nsec;
  return file;
}

Status InputFile::read_at(uint64_t offset, std::span<uint8_t> out) const noexcept {
  for (size_t done = 0; done < out.size();) {
    const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Status::error(Code::io, "cannot read: %s", std::strerror(errno));
    if (got == 0) return Status::error(Code::corrupt_file, "truncated while it was read");
    done += static_cast<size_t>(got);
  }
  return {};
}

}  // namespace runnel
