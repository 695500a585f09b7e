// Where a model file lies: under a path, inside files that the host has open, or in memory.
#pragma once

#include <stdint.h>

#include <span>

namespace runnel {

// Bytes [offset, offset + bytes) of an open regular file, for example an asset that lies uncompressed in an APK.
struct FileSlice {
  int fd = -1;          // open for reading; stays the host's, who may close it once open() or plan_model() returned
  uint64_t offset = 0;  // a multiple of 64, since weights are used where they lie (zipalign 64); with several shards,
                        // of the system's page size
  uint64_t bytes = 0;   // 0: to the end of the file
};

// Exactly one of these is set.
struct ModelSource {
  const char* path = nullptr;        // a single file or the first shard ("name-00001-of-00012.rnl")
  std::span<const FileSlice> files;  // a single file, or all shards in their order; borrowed for the call
  std::span<const uint8_t> memory;   // a single file, 64-byte aligned; outlives the model and stays as it is
};

}  // namespace runnel
