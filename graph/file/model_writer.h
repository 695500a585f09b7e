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
};

struct WriterOptions {
  uint64_t shard_bytes = 0;  // 0: one file
};

class ModelWriter {
 public:
  static Result<ModelWriter> create(const char* path, const ModelSpec& spec, const WriterOptions& options) noexcept;
  ModelWriter(ModelWriter&&) noexcept;
  ModelWriter& operator=(ModelWriter&&) noexcept;
  ~ModelWriter();

  // The next bytes of tensor `index`. Tensors come in the graph's order, each completely (packed_shape().bytes in all),
  // in pieces of any length.
  Status write(uint32_t index, std::span<const uint8_t> bytes) noexcept;
  // Provenance that is known only now (errors, source hashes taken while streaming) goes into the space that create()
  // reserved for it.
  Status finish(std::span<const TensorError> errors, std::span<const KeyValue> late_provenance) noexcept;
  uint64_t bytes_written() const noexcept;

 private:
  struct Impl;
  explicit ModelWriter(Impl* impl) noexcept : impl_(impl) {}
  Impl* impl_ = nullptr;
};

}  // namespace runnel
