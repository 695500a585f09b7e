// A model's whole data region in private memory: read once, past the page cache, and locked where the system allows.
//
// Ownership: owns the memory. Thread rule: one thread at a time.
#pragma once

#include "runtime/weights/data_reader.h"
#include "runtime/weights/pages.h"

namespace runnel {

class ResidentWeights {
 public:
  ResidentWeights() noexcept = default;
  // Requires: the file has parts(). Statuses: io, corrupt_file, out_of_memory.
  static Result<ResidentWeights> load(const ModelFile& file) noexcept;

  const uint8_t* data() const noexcept { return data_; }  // the region's first byte
  bool locked() const noexcept { return locked_; }        // else it may be swapped
  bool direct() const noexcept { return direct_; }        // else it was read through the page cache

  // What load() takes.
  static uint64_t private_bytes(const ModelFile& file) noexcept;

 private:
  Pages pages_;
  const uint8_t* data_ = nullptr;
  bool locked_ = false, direct_ = false;
};

}  // namespace runnel
