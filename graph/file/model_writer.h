// Writer of the model file: header space first, weights streamed in order, header last, rename at the end.
//
// Bytes go to `<path>.partial` names in the same folder; only finish() makes the final names appear. A writer that is
// destroyed before finish() removes what it wrote. Thread rule: one thread at a time.
#pragma once

#include <span>
#include <string_view>

#include "graph/graph.h"
#include "runnel/status.h"

namespace runnel {

struct KeyValue {
  std::string_view key, value;
};

struct GoldenText {
  std::string_view text;
  std::span<const int32_t> ids;
};

struct GoldenChat {
  std::string_view messages_json;  // the array of messages
  std::string_view rendered;
};

struct SectionData {
  std::string_view name;
  std::span<const uint8_t> bytes;
};

struct TensorError {
  uint32_t tensor = 0;
  float relative_rms = 0;  // sqrt(sum (w - q)^2 / sum w^2) that quantisation made
};

struct QualityFigure {
  std::string_view metric;  // "perplexity", "kl_mean"
  double value = 0;
  std::string_view data;  // what it was measured on
};

// Everything but the weights. All views are borrowed until finish().
struct ModelSpec {
  const Graph* graph = nullptr;  // tensors without offsets: the writer assigns them
  std::string_view name, architecture, weights_label;
  std::string_view chat_template;
  uint32_t context_length = 0;
  uint32_t vocab_size = 0;
  std::span<const int32_t> end_ids;
  std::span<const SectionData> sections;
  std::span<const GoldenText> golden_texts;
  std::span<const GoldenChat> golden_chats;
  std::span<const KeyValue> provenance;  // source file names and hashes, converter version, options
  std::span<const QualityFigure> quality;
};

struct WriterOptions {
  // Most bytes of a file; 0: one file. A model that is larger becomes path's stem + "-00001-of-00012.rnl" and so on.
  uint64_t shard_bytes = 0;
  uint32_t chunk_bytes = 1 << 20;          // per SHA-256: a power of two, 64 KiB to 64 MiB
  uint64_t late_provenance_bytes = 16384;  // header space kept for what finish() brings
  const char* signing_key = nullptr;       // an Ed25519 private key in PEM; null: not signed
};

class ModelWriter {
 public:
  // Checks the spec and the graph, computes the layout, looks for space on the disk, and creates the first file.
  // Statuses: invalid_argument, io (with the path; the bytes needed when the disk is full), out_of_memory.
  static Result<ModelWriter> create(const char* path, const ModelSpec& spec, const WriterOptions& options) noexcept;
  ModelWriter(ModelWriter&&) noexcept;
  ModelWriter& operator=(ModelWriter&&) noexcept;
  ~ModelWriter();

  // The next bytes of tensor `index`. Tensors come in the graph's order, each completely (TensorDesc::bytes in all), in
  // pieces of any length. The first failure is final: every later call returns it.
  Status write(uint32_t index, std::span<const uint8_t> bytes) noexcept;
  // Writes the header, brings everything to the disk, and gives the files their names. Provenance that is known only
  // now (errors, source hashes taken while streaming) goes into the space that create() reserved for it.
  Status finish(std::span<const TensorError> errors, std::span<const KeyValue> late_provenance) noexcept;

  uint64_t bytes_written() const noexcept;       // of all files, padding and headers included
  uint64_t bytes_total() const noexcept;         // when finished
  uint32_t shard_count() const noexcept;         // 1: one file, under the path as given
  std::string_view final_path() const noexcept;  // of the (first) file
  std::string_view hash_hex() const noexcept;    // the model's identity; empty before finish()

 private:
  struct Impl;
  explicit ModelWriter(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
