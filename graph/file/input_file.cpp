#include "graph/file/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace runnel {

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(base_, other.base_);
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
  RUNNEL_TRY(file.look());
  return file;
}

Result<InputFile> InputFile::open(const FileSlice& slice) noexcept {
  InputFile file;
  file.fd_ = ::fcntl(slice.fd, F_DUPFD_CLOEXEC, 0);
  if (file.fd_ < 0) return Status::error(Code::io, "cannot duplicate the descriptor: %s", std::strerror(errno));
  RUNNEL_TRY(file.look());
  const uint64_t whole = file.bytes_;
  if (slice.offset > whole || slice.bytes > whole - slice.offset) {
    return Status::error(Code::invalid_argument, "bytes %llu to %llu are asked for, the file has %llu",
                         static_cast<unsigned long long>(slice.offset),
                         static_cast<unsigned long long>(slice.offset + slice.bytes),
                         static_cast<unsigned long long>(whole));
  }
  file.base_ = slice.offset;
  file.bytes_ = slice.bytes != 0 ? slice.bytes : whole - slice.offset;
  return file;
}

Status InputFile::look() noexcept {
  struct stat info;
  if (::fstat(fd_, &info) != 0) return Status::error(Code::io, "cannot look at: %s", std::strerror(errno));
  if (S_ISDIR(info.st_mode)) return Status::error(Code::io, "is a directory, expected a file");
  if (!S_ISREG(info.st_mode)) return Status::error(Code::io, "is not a regular file, and cannot be mapped");
  bytes_ = static_cast<uint64_t>(info.st_size);
  inode_ = static_cast<uint64_t>(info.st_ino);
  changed_ns_ = static_cast<int64_t>(info.st_mtim.tv_sec) * 1000000000 + info.st_mtim.tv_nsec;
  return {};
}

Status InputFile::read_at(uint64_t offset, std::span<uint8_t> out) const noexcept {
  for (size_t done = 0; done < out.size();) {
    const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(base_ + offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Status::error(Code::io, "cannot read: %s", std::strerror(errno));
    if (got == 0) return Status::error(Code::corrupt_file, "truncated while it was read");
    done += static_cast<size_t>(got);
  }
  return {};
}

}  // namespace runnel
