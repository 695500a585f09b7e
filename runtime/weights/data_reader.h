// Reads a model's data region from its files: large parts past the page cache, small ones through it.
//
// Ownership: owns descriptors of its own. Thread rule: read() and read_block() any thread once open.
#pragma once

#include <span>

#include "graph/file/model_file.h"
#include "runnel/array.h"
#include "runnel/status.h"
#include "runtime/os/direct_io.h"

namespace runnel {

class DataReader {
 public:
  // Requires: the file has files() (it is not in memory). Statuses: io, out_of_memory.
  static Result<DataReader> open(const ModelFile& file) noexcept;
  DataReader(DataReader&& other) noexcept = default;
  DataReader& operator=(DataReader&& other) noexcept = default;
  ~DataReader();

  // Fills `out` with the region's bytes from `offset` on. Statuses: io, corrupt_file (the files were cut).
  Status read(uint64_t offset, std::span<uint8_t> out) const noexcept;

  // The same for `bytes` bytes, into an area of area_bytes(bytes) that begins at a multiple of kDirectAlignment. They
  // begin at area + shift(offset), so that the system can put them there without copying.
  Status read_block(uint64_t offset, uint64_t bytes, uint8_t* area) const noexcept;
  static constexpr uint64_t area_bytes(uint64_t bytes) noexcept {
    return (bytes + 2 * kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
  }
  uint32_t shift(uint64_t offset) const noexcept;

  // Large parts go past the page cache; otherwise the file system refused, and what was read is dropped from the cache.
  bool direct() const noexcept { return direct_; }

 private:
  struct Part {
    DataPart place;
    int direct_fd = -1, cached_fd = -1;
  };
  DataReader() noexcept = default;
  const Part& part_of(uint64_t offset) const noexcept;
  Status read_part(const Part& part, uint64_t offset, std::span<uint8_t> out) const noexcept;
  Status read_directly(const Part& part, uint64_t offset, std::span<uint8_t> out) const noexcept;

  Array<Part> parts_;  // in the region's order
  bool direct_ = false;
};

}  // namespace runnel
