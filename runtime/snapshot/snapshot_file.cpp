#include "runtime/snapshot/snapshot_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace runnel {
namespace {

Status failed(const char* what, int error) noexcept {
  return Status::error(Code::io, "cannot %s: %s", what, std::strerror(error));
}

// Waits. False: another file has the name by now. File systems without locks have none to wait for.
bool lock_named(int fd, const char* path, SnapshotFile::Use use) noexcept {
  const int how = use == SnapshotFile::Use::read ? LOCK_SH : LOCK_EX;
  while (::flock(fd, how) != 0 && errno == EINTR) {
  }
  struct stat opened, named;
  return ::fstat(fd, &opened) == 0 && ::stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

SnapshotFile& SnapshotFile::operator=(SnapshotFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

SnapshotFile::~SnapshotFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<SnapshotFile> SnapshotFile::open(const char* path, Use use) noexcept {
  for (int attempt = 0; attempt < 16; ++attempt) {
    SnapshotFile file;
    // Non-blocking: opening a pipe that nobody writes to must not wait for ever.
    file.fd_ = ::open(path, (use == Use::read ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    if (file.fd_ < 0) {
      if (use == Use::update && errno == ENOENT) return file;
      return failed(use == Use::read ? "open" : "open for writing", errno);
    }
    struct stat info;
    if (::fstat(file.fd_, &info) != 0) return failed("look at it", errno);
    if (!S_ISREG(info.st_mode)) return Status::error(Code::io, "is no regular file");
    if (!lock_named(file.fd_, path, use)) continue;
    // Its size now, not before who held it let go.
    if (::fstat(file.fd_, &info) != 0) return failed("look at it", errno);
    file.bytes_ = static_cast<uint64_t>(info.st_size);
    return file;
  }
  return Status::error(Code::io, "keeps changing hands");
}

Status SnapshotFile::read_at(uint64_t offset, std::span<uint8_t> out) const noexcept {
  for (size_t done = 0; done < out.size();) {
    const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", errno);
    if (got == 0) return Status::error(Code::corrupt_file, "cut short while it was read");
    done += static_cast<size_t>(got);
  }
  return {};
}

Status SnapshotFile::write_at(uint64_t offset, std::span<const uint8_t> bytes) noexcept {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return failed("write", put < 0 ? errno : ENOSPC);
    done += static_cast<size_t>(put);
  }
  return {};
}

Status SnapshotFile::resize(uint64_t bytes) noexcept {
  return ::ftruncate(fd_, static_cast<off_t>(bytes)) == 0 ? Status() : failed("resize", errno);
}

Status SnapshotFile::sync() noexcept {
  // Some file systems cannot; then there is nothing to wait for.
  return ::fsync(fd_) == 0 || errno == EINVAL || errno == EROFS ? Status() : failed("bring to the disk", errno);
}

}  // namespace runnel
