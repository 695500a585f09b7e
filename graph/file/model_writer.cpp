#include "graph/file/model_writer.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "graph/file/format.h"
#include "graph/file/header_write.h"
#include "graph/file/layout.h"
#include "graph/file/output_file.h"
#include "graph/file/signature.h"
#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel {
namespace {

Status bad(const char* what) noexcept { return Status::error(Code::invalid_argument, "model writer: %s", what); }

bool good_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 63 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// What the reader would refuse.
Status check_spec(const ModelSpec& spec, const WriterOptions& options) noexcept {
  if (spec.graph == nullptr) return bad("no graph");
  if (!is_power_of_two(options.chunk_bytes) || options.chunk_bytes < rnl::kMinChunkBytes ||
      options.chunk_bytes > rnl::kMaxChunkBytes) {
    return Status::error(Code::invalid_argument, "model writer: chunks of %u bytes", options.chunk_bytes);
  }
  if (spec.sections.size() > rnl::kMaxSections) return bad("too many sections");
  if (spec.golden_texts.size() > rnl::kMaxGoldens || spec.golden_chats.size() > rnl::kMaxGoldens) {
    return bad("too many golden vectors");
  }
  for (size_t i = 0; i < spec.sections.size(); ++i) {
    bool good = good_name(spec.sections[i].name);
    for (size_t j = 0; j < i; ++j) good = good && spec.sections[i].name != spec.sections[j].name;
    if (!good) return bad("a section without a proper name of its own");
  }
  for (size_t i = 0; i < spec.graph->tensors.size(); ++i) {
    if (!good_name(std::string_view(spec.graph->tensors[i].name,
                                    ::strnlen(spec.graph->tensors[i].name, sizeof(TensorDesc::name))))) {
      return Status::error(Code::invalid_argument, "model writer: tensor %zu has no proper name", i);
    }
  }
  for (const int32_t id : spec.end_ids) {
    if (id < 0 || static_cast<uint32_t>(id) >= spec.vocab_size) {
      return Status::error(Code::invalid_argument, "model writer: end id %d in a vocabulary of %u", id,
                           spec.vocab_size);
    }
  }
  return {};
}

// The graph as a reader will see it: with the layout's tensors.
Status check_graph(const Graph& graph, uint32_t vocab_size, std::span<const TensorDesc> tensors) noexcept {
  Graph copy;
  if (!copy.values.append(graph.values) || !copy.nodes.append(graph.nodes) || !copy.slots.append(graph.slots) ||
      !copy.tensors.append(tensors)) {
    return out_of_memory("model writer", "the graph");
  }
  copy.logits = graph.logits;
  Status status = verify_graph(copy);
  if (!status.ok()) return std::move(status).with_context("model writer");
  const uint32_t cols = graph.values[graph.logits].shape.cols;
  if (cols == vocab_size) return {};
  return Status::error(Code::invalid_argument, "model writer: logits of %u columns, a vocabulary of %u", cols,
                       vocab_size);
}

}  // namespace

struct ModelWriter::Impl {
  ModelSpec spec;
  WriterOptions options;
  Array<char> signing_key;  // a copy of the path, zero-terminated; empty: not signed
  rnl::Layout layout;
  Array<float> errors;
  Array<Digest> chunks;
  Array<OutputFile> files;
  Array<uint8_t> buffer;  // of one chunk; data bytes before filled_ are in it
  Array<uint8_t> header;
  uint64_t header_space = 0;
  size_t filled = 0;
  uint64_t written = 0;       // data bytes, those in the buffer included
  uint32_t tensor = 0;        // being written
  uint64_t tensor_bytes = 0;  // of it so far
  DigestText hash{};
  Status failed;  // the first failure, or that the file is finished
  bool published = false;

  Status build_header(std::span<const KeyValue> late) noexcept {
    rnl::HeaderParts parts;
    parts.spec = &spec;
    parts.tensors = layout.tensors;
    parts.errors = errors;
    parts.sections = layout.sections;
    parts.data_bytes = layout.data_bytes;
    parts.chunk_bytes = options.chunk_bytes;
    parts.chunks = chunks;
    parts.shards = layout.shards;
    parts.late_provenance = late;
    return rnl::write_header(parts, &header);
  }

  Status prepare(std::string_view path) noexcept {
    RUNNEL_TRY(check_spec(spec, options));
    if (!signing_key.empty()) {  // a key that cannot sign is known now, not after the last weight
      uint8_t public_key[32], signature[64];
      RUNNEL_TRY(sign_header(signing_key.data(), {}, public_key, signature));
    }
    RUNNEL_TRY(rnl::lay_out_data(spec, &layout));
    RUNNEL_TRY(check_graph(*spec.graph, spec.vocab_size, layout.tensors));
    const uint64_t chunk_count = ceil_div<uint64_t>(layout.data_bytes, options.chunk_bytes);
    if (chunk_count > rnl::kMaxHeaderBytes / sizeof(Digest)) return bad("too many bytes for the size of its chunks");
    if (!errors.resize(layout.tensors.size()) || !chunks.resize(static_cast<size_t>(chunk_count)) ||
        !buffer.resize(options.chunk_bytes)) {
      return out_of_memory("model writer", "its buffers");
    }
    // The shards' table is part of the header whose size decides the shards: settles at once or in a second round.
    if (!layout.shards.push({})) return out_of_memory("model writer", "the shards");
    for (size_t shards = 0; shards != layout.shards.size();) {
      shards = layout.shards.size();
      RUNNEL_TRY(build_header({}));
      if (!checked_add<uint64_t>(header.size(), options.late_provenance_bytes, &header_space) ||
          header_space > rnl::kMaxHeaderBytes) {
        return bad("the header is too large");
      }
      RUNNEL_TRY(rnl::lay_out_shards(options, header_space, &layout));
    }
    header_space = layout.shards[0].data_offset - rnl::kPreludeBytes;
    return open_files(path);
  }

  Status open_files(std::string_view path) noexcept {
    if (!files.reserve(layout.shards.size())) return out_of_memory("model writer", "its files");
    const auto count = static_cast<uint32_t>(layout.shards.size());
    Array<char> name;
    for (uint32_t i = 0; i < count; ++i) {
      if (count == 1) {
        RUNNEL_ASSIGN(OutputFile file, OutputFile::create(path));
        (void)files.push(std::move(file));
      } else {
        if (!rnl::shard_path(path, i, count, &name)) return out_of_memory("model writer", "a name");
        RUNNEL_ASSIGN(OutputFile file, OutputFile::create({name.data(), name.size() - 1}));
        (void)files.push(std::move(file));
      }
      // Only the first stays open, and locked: a model may have more shards than a process may have files.
      if (i != 0) files[i].close();
    }
    return require_space(path, layout.file_bytes);
  }

  // Hashes and writes the chunk in the buffer.
  Status flush() noexcept {
    if (filled == 0) return {};
    const uint64_t begin = written - filled;
    const std::span<const uint8_t> bytes(buffer.data(), filled);
    if (!sha256(bytes, &chunks[static_cast<size_t>(begin / options.chunk_bytes)])) {
      return out_of_memory("model writer", "a hash");
    }
    size_t shard = 0;
    while (begin - layout.shards[shard].data_begin >= layout.shards[shard].data_bytes) ++shard;
    const rnl::ShardPlace& place = layout.shards[shard];
    Status status = files[shard].write_at(place.data_offset + (begin - place.data_begin), bytes);
    if (!status.ok()) {
      return std::move(status).with_context("%llu bytes are needed in all",
                                            static_cast<unsigned long long>(layout.file_bytes));
    }
    if (shard != 0 && begin + filled == place.data_begin + place.data_bytes) files[shard].close();
    filled = 0;
    return {};
  }

  // The next bytes of the data region; null: zeros.
  Status append(const uint8_t* bytes, uint64_t count) noexcept {
    while (count != 0) {
      const size_t room = buffer.size() - filled;
      const size_t n = count < room ? static_cast<size_t>(count) : room;
      if (bytes == nullptr) {
        std::memset(buffer.data() + filled, 0, n);
      } else {
        std::memcpy(buffer.data() + filled, bytes, n);
        bytes += n;
      }
      filled += n;
      written += n;
      count -= n;
      if (filled == buffer.size()) RUNNEL_TRY(flush());
    }
    return {};
  }

  Status pad_to(uint64_t offset) noexcept { return append(nullptr, offset - written); }

  Status write_sections() noexcept {
    for (size_t i = 0; i < spec.sections.size(); ++i) {
      RUNNEL_TRY(pad_to(layout.sections[i].offset));
      RUNNEL_TRY(append(spec.sections[i].bytes.data(), layout.sections[i].bytes));
    }
    return {};
  }

  Status write(uint32_t index, std::span<const uint8_t> bytes) noexcept {
    if (tensor == layout.tensors.size()) return bad("bytes after the last tensor");
    const TensorDesc& desc = layout.tensors[tensor];
    if (index != tensor) {
      return Status::error(Code::invalid_argument, "model writer: bytes of tensor %u, tensor %u (%s) has %llu of %llu",
                           index, tensor, desc.name, static_cast<unsigned long long>(tensor_bytes),
                           static_cast<unsigned long long>(desc.bytes));
    }
    if (bytes.size() > desc.bytes - tensor_bytes) {
      return Status::error(Code::invalid_argument, "model writer: more than the %llu bytes of tensor %s",
                           static_cast<unsigned long long>(desc.bytes), desc.name);
    }
    if (tensor_bytes == 0) RUNNEL_TRY(pad_to(desc.offset));
    RUNNEL_TRY(append(bytes.data(), bytes.size()));
    tensor_bytes += bytes.size();
    if (tensor_bytes == desc.bytes) {
      ++tensor;
      tensor_bytes = 0;
    }
    return {};
  }

  Status write_preludes() noexcept {
    rnl::Prelude prelude;
    if (!sha256(header, &prelude.header_hash)) return out_of_memory("model writer", "a hash");
    hash = hex(prelude.header_hash);
    if (!signing_key.empty()) {
      RUNNEL_TRY(sign_header(signing_key.data(), prelude.header_hash, prelude.public_key, prelude.signature));
    }
    prelude.total_data_bytes = layout.data_bytes;
    prelude.shard_count = static_cast<uint32_t>(files.size());
    for (size_t i = 0; i < files.size(); ++i) {
      const rnl::ShardPlace& place = layout.shards[i];
      prelude.shard_index = static_cast<uint32_t>(i);
      prelude.header_bytes = i == 0 ? header.size() : 0;
      prelude.data_offset = place.data_offset;
      prelude.data_begin = place.data_begin;
      prelude.data_bytes = place.data_bytes;
      const auto* list = reinterpret_cast<const uint8_t*>(chunks.data() + place.data_begin / options.chunk_bytes);
      const uint64_t chunk_count = ceil_div<uint64_t>(place.data_bytes, options.chunk_bytes);
      if (!sha256({list, static_cast<size_t>(chunk_count * sizeof(Digest))}, &prelude.chunks_hash)) {
        return out_of_memory("model writer", "a hash");
      }
      if (i == 0) {
        RUNNEL_TRY(files[i].write_at(rnl::kPreludeBytes, header));
      } else {  // the signature stands in the first file only
        std::memset(prelude.public_key, 0, sizeof prelude.public_key);
        std::memset(prelude.signature, 0, sizeof prelude.signature);
      }
      uint8_t bytes[rnl::kPreludeBytes];
      if (!rnl::encode_prelude(prelude, bytes)) return out_of_memory("model writer", "a hash");
      RUNNEL_TRY(files[i].write_at(0, bytes));
      // A data region of no bytes, or one that ends in the header's padding.
      RUNNEL_TRY(files[i].resize(place.data_offset + place.data_bytes));
      RUNNEL_TRY(files[i].sync());
      if (i != 0) files[i].close();
    }
    return {};
  }

  // The first file last: a model is there only when all of it is.
  Status publish() noexcept {
    for (size_t i = files.size(); i-- > 0;) {
      Status status = files[i].publish();
      if (!status.ok()) {
        for (OutputFile& file : files) file.withdraw();
        return status;
      }
    }
    published = true;
    files[0].sync_folder();
    return {};
  }

  Status finish(std::span<const TensorError> tensor_errors, std::span<const KeyValue> late) noexcept {
    if (tensor != layout.tensors.size()) {
      return Status::error(Code::invalid_argument, "model writer: finished before tensor %u (%s) was written", tensor,
                           layout.tensors[tensor].name);
    }
    for (const TensorError& error : tensor_errors) {
      if (error.tensor >= errors.size()) return bad("an error of a tensor that is not there");
      errors[error.tensor] = error.relative_rms;
    }
    RUNNEL_TRY(flush());
    RUNNEL_TRY(build_header(late));
    if (header.size() > header_space) {
      return Status::error(
          Code::invalid_argument,
          "model writer: the header grew to %zu bytes, %llu were reserved: raise late_provenance_bytes", header.size(),
          static_cast<unsigned long long>(header_space));
    }
    RUNNEL_TRY(write_preludes());
    return publish();
  }
};

namespace {

struct Release {
  template <class T>
  void operator()(T* object) const noexcept {
    object->~T();
    release(object);
  }
};

}  // namespace

Result<ModelWriter> ModelWriter::create(const char* path, const ModelSpec& spec,
                                        const WriterOptions& options) noexcept {
  void* memory = allocate(sizeof(Impl), alignof(Impl));
  if (memory == nullptr) return out_of_memory("model writer", "itself");
  std::unique_ptr<Impl, Release> impl(new (memory) Impl);
  impl->spec = spec;
  impl->options = options;
  const char* key = options.signing_key;
  if (key != nullptr && !impl->signing_key.append({key, std::strlen(key) + 1})) {
    return out_of_memory("model writer", "a path");
  }
  RUNNEL_TRY(impl->prepare(path));
  RUNNEL_TRY(impl->write_sections());
  return ModelWriter(impl.release());
}

ModelWriter::ModelWriter(ModelWriter&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
ModelWriter& ModelWriter::operator=(ModelWriter&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
ModelWriter::~ModelWriter() {
  if (impl_ != nullptr) Release()(impl_);
}

Status ModelWriter::write(uint32_t index, std::span<const uint8_t> bytes) noexcept {
  if (impl_->published) return bad("bytes after finish()");
  if (impl_->failed.ok()) impl_->failed = impl_->write(index, bytes);
  return impl_->failed;
}

Status ModelWriter::finish(std::span<const TensorError> errors, std::span<const KeyValue> late_provenance) noexcept {
  if (impl_->published) return bad("finished twice");
  if (impl_->failed.ok()) impl_->failed = impl_->finish(errors, late_provenance);
  return impl_->failed;
}

uint64_t ModelWriter::bytes_written() const noexcept {
  return impl_->written + (impl_->layout.file_bytes - impl_->layout.data_bytes);
}
uint64_t ModelWriter::bytes_total() const noexcept { return impl_->layout.file_bytes; }
uint32_t ModelWriter::shard_count() const noexcept { return static_cast<uint32_t>(impl_->layout.shards.size()); }
std::string_view ModelWriter::final_path() const noexcept { return impl_->files[0].path(); }
std::string_view ModelWriter::hash_hex() const noexcept { return impl_->hash.text; }

}  // namespace runnel
