// Reader of the model file (.rnl): maps, verifies the header before use, hands out views. docs/format.md is the format.
//
// What open() checks, always: the prelude's hash, the header's hash, the header's structure (FlatBuffers verifier), and
// every offset, size, count, id and shape in it. Weights are data: whatever their bytes are, nothing indexes by them.
//
// Ownership: a ModelFile owns its mappings; every pointer and span it returns is borrowed from it. Thread rule: open
// and destruction one thread at a time; all const members any thread.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "graph/file/chunk_check.h"
#include "graph/graph.h"
#include "runnel/array.h"
#include "runnel/source.h"
#include "runnel/status.h"
#include "runnel/types.h"

namespace runnel {

struct ModelFileOptions {
  Verify verify = Verify::lazy;
  // What fingerprint() said of a file whose weights were all found whole. If the file still has it, its weights are not
  // hashed again (lazy and eager become off).
  std::string_view trusted_fingerprint = {};
  bool keep_files = false;  // until close_files(), for parts()
};

// A run of the data region as one file has it.
struct DataPart {
  int fd = -1;  // the ModelFile's
  uint64_t file_offset = 0;
  uint64_t begin = 0, bytes = 0;  // in the data region
};

class ModelFile {
 public:
  // `path` names a single file or the first shard ("name-00001-of-00012.rnl"). Statuses: io, corrupt_file, unsupported,
  // out_of_memory.
  static Result<ModelFile> open(const char* path, const ModelFileOptions& options = {}) noexcept;
  // From wherever it lies. invalid_argument also for a slice or memory that is not aligned, and for a number of slices
  // other than the shards'.
  static Result<ModelFile> open(const ModelSource& source, const ModelFileOptions& options = {}) noexcept;
  // The same from memory that outlives the ModelFile. 64-byte aligned.
  static Result<ModelFile> open_memory(std::span<const uint8_t> bytes, const ModelFileOptions& options = {}) noexcept;

  ModelFile(ModelFile&&) noexcept;
  ModelFile& operator=(ModelFile&&) noexcept;
  ~ModelFile();

  const Graph& graph() const noexcept;  // verified
  std::string_view name() const noexcept;
  std::string_view architecture() const noexcept;
  std::string_view weights_label() const noexcept;  // "q4", "q8", "f16", "f32", "keep"
  std::string_view hash_hex() const noexcept;       // SHA-256 of the header, 64 hex digits: the model's identity
  std::string_view chat_template() const noexcept;  // empty when there is none
  uint32_t context_length() const noexcept;         // as trained
  uint32_t vocab_size() const noexcept;
  std::span<const int32_t> end_ids() const noexcept;  // end-of-generation set
  uint64_t file_bytes() const noexcept;               // all shards
  uint64_t header_bytes() const noexcept;
  uint64_t weight_bytes() const noexcept;

  // Named blobs beside the weights ("tokenizer"); empty when absent. Verified against its hash when asked for, unless
  // verification is off.
  Result<std::span<const uint8_t>> section(std::string_view name) const noexcept;

  // The packed bytes of graph().tensors[index], mapped. 64-byte aligned.
  const uint8_t* tensor_data(uint32_t index) const noexcept;
  // Says that a tensor is about to be used. Never waits for the disk or a hash: it asks the system to read ahead and,
  // when verification is lazy, has the tensor's chunks hashed by a thread of low priority. Returns verification().
  // Cheap after the first time: call it for every tensor at every step, or once and verification() at every step.
  Status touch_tensor(uint32_t index) const noexcept;
  // Takes the weights' pages out of this process, which has them again when it next reads them. How many bytes of them
  // were in it. Nothing for a file in the host's memory.
  uint64_t drop_pages() const noexcept;
  // corrupt_file, naming chunk and tensor, once any hashed chunk did not match. One atomic load otherwise.
  Status verification() const noexcept;
  // Waits until the chunks of all tensors touched so far were hashed, then verification().
  Status settle() const noexcept;
  // True when every chunk was found whole, now or (trusted_fingerprint) before.
  bool verified() const noexcept;
  // Hashes everything. `progress` (may be null) is called with bytes done and in all.
  Status verify_all(void (*progress)(void* context, uint64_t done, uint64_t total), void* context) const noexcept;
  // 64 hex digits that change when the file is replaced or written to: a hash over the header's hash and each shard's
  // offset, size, inode and time of change. Empty for open_memory.
  std::string_view fingerprint() const noexcept;

  // For whoever brings the weights into memory by other means than the mapping. The shards' parts in their order; empty
  // after close_files(), without keep_files, and for a model in memory.
  std::span<const DataPart> parts() const noexcept;
  void close_files() noexcept;
  bool in_memory() const noexcept;                 // by open_memory()
  std::span<const uint8_t> data() const noexcept;  // the region that tensors' offsets count in, mapped
  uint64_t data_bytes() const noexcept;            // of it
  uint32_t chunk_bytes() const noexcept;           // hashed together
  // From now on weights and sections are read from `data` (data_bytes() of it, 64-byte aligned), which outlives the
  // ModelFile; the mapping is given up. Requires: nothing handed out so far is used any more, no tensor was touched.
  void relocate(const uint8_t* data) noexcept;

  // For weights whose bytes pass through the caller's memory. What is left to hash is lazily verified then: nothing by
  // itself, and by check_later() (any range of the data region) through `read` instead of the mapping.
  void read_by(DataRead read, const void* context) noexcept;
  bool lazy() const noexcept;  // verification is lazy, and not settled by a trusted fingerprint
  // Chunks [first, first + count) that a copy of the data region's bytes from `first` chunks on holds: hashes those not
  // hashed yet. Gives up once `stop` is set.
  void check_copy(uint64_t first, uint64_t count, const uint8_t* bytes, const std::atomic<bool>& stop) const noexcept;
  bool known(uint64_t first, uint64_t count) const noexcept;
  Status check_later(uint64_t offset, uint64_t bytes) const noexcept;
  void stop_checks() noexcept;  // before what read_by() was told ends

  // The public key that signed the header, 64 hex digits, empty when it is not signed. open() has checked the
  // signature; whether the key is trusted is the app's to say.
  std::string_view signer_hex() const noexcept;

  // The header's FlatBuffer (fb::Model), for inspect. Opaque here so that callers need not include generated code.
  const void* header() const noexcept;

 private:
  struct Impl;
  explicit ModelFile(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
