#include "graph/file/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "kernels/base/checked.h"

namespace runnel {
namespace {

// The folder that holds `path`, zero-terminated.
[[nodiscard]] bool folder_of(std::string_view path, Array<char>* out) noexcept {
  const size_t slash = path.rfind('/');
  const std::string_view folder = slash == std::string_view::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
  out->clear();
  return out->append({folder.data(), folder.size()}) && out->push('\0');
}

// Whether the name `path` still leads to the open file: another writer may have published or removed it meanwhile.
bool still_named(int fd, const char* path) noexcept {
  struct stat open_info, named_info;
  return ::fstat(fd, &open_info) == 0 && ::stat(path, &named_info) == 0 && open_info.st_ino == named_info.st_ino &&
         open_info.st_dev == named_info.st_dev;
}

}  // namespace

OutputFile::OutputFile(OutputFile&& other) noexcept
    : who_(other.who_),
      path_(std::move(other.path_)),
      partial_(std::move(other.partial_)),
      folder_(std::move(other.folder_)),
      fd_(std::exchange(other.fd_, -1)),
      state_(std::exchange(other.state_, State::none)) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(who_, other.who_);
  std::swap(path_, other.path_);
  std::swap(partial_, other.partial_);
  std::swap(folder_, other.folder_);
  std::swap(fd_, other.fd_);
  std::swap(state_, other.state_);
  return *this;
}

OutputFile::~OutputFile() {
  if (state_ == State::partial) ::unlink(partial_.data());
  close();
}

Status OutputFile::fail(const char* what, int error) const noexcept {
  return Status::error(Code::io, "%s: cannot %s %s: %s", who_, what, path_.data(), std::strerror(error));
}

Result<OutputFile> OutputFile::create(std::string_view path, const char* who) noexcept {
  constexpr char kSuffix[] = ".partial";
  OutputFile file;
  file.who_ = who;
  if (!file.path_.append({path.data(), path.size()}) || !file.path_.push('\0') ||
      !file.partial_.append({path.data(), path.size()}) || !file.partial_.append(kSuffix) ||
      !folder_of(path, &file.folder_)) {
    return out_of_memory(who, "a path");
  }
  struct stat info;
  if (::stat(file.path(), &info) == 0 && !S_ISREG(info.st_mode)) {
    return Status::error(Code::io, "%s: %s exists and is no regular file", who, file.path());
  }
  for (int attempt = 0; attempt < 16; ++attempt) {
    file.fd_ = ::open(file.partial_.data(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (file.fd_ < 0) return file.fail("create", errno);
    if (::flock(file.fd_, LOCK_EX | LOCK_NB) != 0) {
      return Status::error(Code::io, "%s: %s is being written by another process", who, file.path());
    }
    if (still_named(file.fd_, file.partial_.data())) {
      file.state_ = State::partial;
      RUNNEL_TRY(file.resize(0));
      return file;
    }
    file.close();
  }
  return Status::error(Code::io, "%s: %s keeps changing hands", who, file.path());
}

Status OutputFile::reopen() noexcept {
  if (fd_ >= 0) return {};
  fd_ = ::open(partial_.data(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  return fd_ < 0 ? fail("open again", errno) : Status();
}

Status OutputFile::write_at(uint64_t offset, std::span<const uint8_t> bytes) noexcept {
  RUNNEL_TRY(reopen());
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : ENOSPC;
      return Status::error(Code::io, "%s: cannot write %s: %s after %llu bytes", who_, path_.data(),
                           std::strerror(error), static_cast<unsigned long long>(offset + done));
    }
    done += static_cast<size_t>(n);
  }
  return {};
}

Status OutputFile::resize(uint64_t bytes) noexcept {
  RUNNEL_TRY(reopen());
  return ::ftruncate(fd_, static_cast<off_t>(bytes)) == 0 ? Status() : fail("resize", errno);
}

Status OutputFile::sync() noexcept {
  RUNNEL_TRY(reopen());
  // Some file systems cannot; then there is nothing to wait for.
  return ::fsync(fd_) == 0 || errno == EINVAL || errno == EROFS ? Status() : fail("bring to the disk", errno);
}

void OutputFile::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status OutputFile::publish() noexcept {
  if (::rename(partial_.data(), path_.data()) != 0) return fail("give its name to", errno);
  state_ = State::published;
  return {};
}

void OutputFile::withdraw() noexcept {
  if (state_ == State::published) ::unlink(path_.data());
  state_ = State::none;
}

void OutputFile::sync_folder() const noexcept {
  const int fd = ::open(folder_.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // a folder that may be written to but not read
  (void)::fsync(fd);
  ::close(fd);
}

Status require_space(std::string_view path, uint64_t bytes) noexcept {
  Array<char> folder;
  if (!folder_of(path, &folder)) return out_of_memory("model writer", "a path");
  struct statvfs info;
  if (::statvfs(folder.data(), &info) != 0 || info.f_blocks == 0) return {};
  uint64_t free_bytes = 0;
  if (!checked_mul<uint64_t>(info.f_bavail, info.f_frsize, &free_bytes) || free_bytes >= bytes) return {};
  return Status::error(Code::io, "model writer: %.*s needs %llu bytes, the disk has %llu free",
                       static_cast<int>(path.size()), path.data(), static_cast<unsigned long long>(bytes),
                       static_cast<unsigned long long>(free_bytes));
}

}  // namespace runnel
