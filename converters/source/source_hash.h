// SHA-256 of the source's files, as `sha256sum` prints it, computed on a thread of its own while tensors are converted.
//
// Ownership: borrows the bytes. Thread rule: one thread at a time.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "converters/source/weight_source.h"

namespace runnel {

class SourceHash {
 public:
  explicit SourceHash(std::vector<SourceFile> files);
  ~SourceHash();  // stops early
  SourceHash(const SourceHash&) = delete;
  SourceHash& operator=(const SourceHash&) = delete;

  // Waits. One hex digest a file, in their order; cancelled when *cancel became true.
  Result<std::vector<std::string>> wait(const std::atomic<bool>* cancel);

 private:
  void hash_all() noexcept;

  std::vector<SourceFile> files_;
  std::vector<std::string> digests_;
  std::atomic<bool> stop_ = false, done_ = false;
  bool failed_ = false;
  std::thread thread_;
};

}  // namespace runnel
