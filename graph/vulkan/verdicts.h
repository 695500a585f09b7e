// What tests of kernels have found on a device's driver, kept in its cache file: a line a kind of node. Forgotten when
// the driver, its version, the device or a shader changes.
//
// Thread rule: one thread at a time.
#pragma once

#include "graph/vulkan/device.h"

namespace runnel::vulkan {

struct Verdict {
  uint64_t kind = 0;   // of the node: a hash of all that the kernel depends on
  char why[120] = {};  // zero-terminated; empty: it passed
};

class Verdicts {
 public:
  // Reads the file; what is not as written is taken for nothing.
  void load(const Device& device) noexcept;
  // Null: not known.
  const Verdict* find(uint64_t kind) const noexcept;
  Status add(const Verdict& verdict) noexcept;
  // Writes the file if there is something new; what fails there is no error.
  void save(const Device& device) noexcept;

 private:
  Array<Verdict> rows_;
  bool changed_ = false;
};

}  // namespace runnel::vulkan
