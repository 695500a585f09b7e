// A file in the making: written under "<path>.partial", and either given its name or removed without a trace.
//
// Ownership: owns the partial file until publish(). Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runnel/array.h"
#include "runnel/status.h"

namespace runnel {

class OutputFile {
 public:
  OutputFile() noexcept = default;
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();  // removes what was not published

  // Creates or empties "<path>.partial" and locks it, so that two writers of one path do not mix. `who` speaks in every
  // status; static.
  static Result<OutputFile> create(std::string_view path, const char* who = "model writer") noexcept;

  // Writes all of `bytes` at `offset`. A full disk is an io status that names path and bytes.
  Status write_at(uint64_t offset, std::span<const uint8_t> bytes) noexcept;
  Status resize(uint64_t bytes) noexcept;
  // Brings the content to the disk.
  Status sync() noexcept;
  // Gives up the descriptor; write_at() and sync() open the file again when they need it.
  void close() noexcept;

  // Renames to the final name, over what was there.
  Status publish() noexcept;
  // Takes the published file away again.
  void withdraw() noexcept;
  // Brings the names in the file's folder to the disk, as far as the system lets us.
  void sync_folder() const noexcept;

  const char* path() const noexcept { return path_.data(); }  // final name

 private:
  Status reopen() noexcept;
  Status fail(const char* what, int error) const noexcept;

  const char* who_ = "";
  Array<char> path_, partial_, folder_;  // zero-terminated
  int fd_ = -1;
  enum class State : uint8_t { none, partial, published } state_ = State::none;
};

// io when the disk under `path` has less than `bytes` free; ok when that cannot be known.
Status require_space(std::string_view path, uint64_t bytes) noexcept;

}  // namespace runnel
