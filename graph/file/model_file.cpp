#include "graph/file/model_file.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "graph/file/chunk_check.h"
#include "graph/file/format.h"
#include "graph/file/header_read.h"
#include "graph/file/input_file.h"
#include "graph/file/mapped_range.h"
#include "graph/file/model_generated.h"
#include "graph/file/signature.h"
#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel {
namespace {

// How far ahead of use the system is asked to read.
constexpr uint64_t kReadAheadBytes = 16 << 20;

bool all_zero(std::span<const uint8_t> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

std::string_view view(const flatbuffers::String* text) noexcept {
  return text == nullptr ? std::string_view() : text->string_view();
}

}  // namespace

struct ModelFile::Impl {
  Array<char> path;  // or what stands for it; zero-terminated, for messages
  rnl::Prelude prelude;
  Array<uint8_t> header;  // a private copy: what was verified is what is used, whatever happens to the file
  const fb::Model* model = nullptr;
  Graph graph;
  MappedRange range;
  bool keep_files = false;
  Array<InputFile> files;  // of parts
  Array<DataPart> parts;
  const uint8_t* data = nullptr;
  uint64_t data_bytes = 0;
  uint64_t file_bytes = 0;
  Verify verify = Verify::lazy;
  bool trusted = false;
  ChunkCheck check;
  AtomicBits touched;                      // by tensor
  std::atomic<uint64_t> read_ahead_to{0};  // data bytes before this were asked for
  DigestText hash{}, fingerprint{}, signer{};
  Sha256 fingerprint_hash;

  // Takes the bytes between the prelude and the data region.
  Status take_header(Array<uint8_t> bytes) noexcept {
    header = std::move(bytes);
    const size_t header_bytes = static_cast<size_t>(prelude.header_bytes);
    if (!all_zero(std::span<const uint8_t>(header).subspan(header_bytes))) {
      return Status::error(Code::corrupt_file, "bytes other than zero between header and data");
    }
    header.truncate(header_bytes);
    Digest digest;
    if (!sha256(header, &digest)) return out_of_memory("model file", "a hash");
    if (digest != prelude.header_hash) return Status::error(Code::corrupt_file, "the header does not match its hash");
    hash = hex(digest);
    if (!all_zero(prelude.public_key)) {
      RUNNEL_TRY(check_signature(digest, prelude.public_key, prelude.signature));
      Digest key;
      std::memcpy(key.bytes, prelude.public_key, 32);
      signer = hex(key);
    } else if (!all_zero(prelude.signature)) {
      return Status::error(Code::corrupt_file, "a signature without a key");
    }
    RUNNEL_TRY(rnl::read_header(header, prelude, &model, &graph));
    if (!touched.init(graph.tensors.size())) return out_of_memory("model file", "the list of used tensors");
    return check_shard(prelude, 0);
  }

  // Whether a shard's prelude says what the header says of it.
  Status check_shard(const rnl::Prelude& p, uint32_t index) const noexcept {
    if (p.shard_index != index) {
      return Status::error(Code::corrupt_file, "is shard %u by its content, %u by its name", p.shard_index + 1,
                           index + 1);
    }
    const fb::Shard& shard = *model->shards()->Get(index);
    if (p.header_hash != prelude.header_hash) {
      return Status::error(Code::corrupt_file, "is a shard of another model (header %.12s..., expected %.12s...)",
                           hex(p.header_hash).text, hash.text);
    }
    if (p.shard_count != prelude.shard_count || p.data_begin != shard.data_begin() ||
        p.data_bytes != shard.data_bytes() || p.data_offset != shard.data_offset() ||
        p.total_data_bytes != prelude.total_data_bytes) {
      return Status::error(Code::corrupt_file, "the prelude says otherwise than the header");
    }
    const uint64_t first = p.data_begin / model->chunk_bytes();
    const uint64_t chunks = ceil_div<uint64_t>(p.data_bytes, model->chunk_bytes());
    Digest digest;
    const auto* list = reinterpret_cast<const uint8_t*>(rnl::chunk_hashes(*model) + first);
    if (!sha256({list, static_cast<size_t>(chunks * sizeof(Digest))}, &digest)) {
      return out_of_memory("model file", "a hash");
    }
    if (digest != p.chunks_hash) return Status::error(Code::corrupt_file, "the list of chunk hashes is another");
    return {};
  }

  Status map_file(InputFile file, const rnl::Prelude& p) noexcept {
    RUNNEL_TRY(range.map(p.data_begin, file.fd(), file.base() + p.data_offset, p.data_bytes));
    RUNNEL_TRY(checked_add(file_bytes, file.bytes(), &file_bytes)
                   ? Status()
                   : Status::error(Code::corrupt_file, "the shards' sizes overflow"));
    const uint64_t stamp[] = {file.base(), file.bytes(), file.inode(), static_cast<uint64_t>(file.changed_ns())};
    fingerprint_hash.update({reinterpret_cast<const uint8_t*>(stamp), sizeof stamp});
    if (!keep_files) return {};
    if (!parts.push({file.fd(), file.base() + p.data_offset, p.data_begin, p.data_bytes}) ||
        !files.push(std::move(file))) {
      return out_of_memory("model file", "the list of files");
    }
    return {};
  }

  static Status read_prelude(const InputFile& file, rnl::Prelude* out) noexcept {
    uint8_t bytes[rnl::kPreludeBytes];
    const size_t prelude_bytes = static_cast<size_t>(std::min<uint64_t>(sizeof bytes, file.bytes()));
    RUNNEL_TRY(file.read_at(0, {bytes, prelude_bytes}));
    return rnl::decode_prelude({bytes, prelude_bytes}, file.bytes(), out);
  }

  Status open_first(InputFile file) noexcept {
    if (file.base() % rnl::kTensorAlignment != 0) {
      return Status::error(Code::invalid_argument,
                           "begins at byte %llu of its file, expected a multiple of %llu (zipalign %llu aligns assets)",
                           static_cast<unsigned long long>(file.base()),
                           static_cast<unsigned long long>(rnl::kTensorAlignment),
                           static_cast<unsigned long long>(rnl::kTensorAlignment));
    }
    RUNNEL_TRY(read_prelude(file, &prelude));
    if (prelude.shard_index != 0) {
      return Status::error(Code::invalid_argument, "is shard %u of %u: open the first (...-00001-of-%05u.rnl)",
                           prelude.shard_index + 1, prelude.shard_count, prelude.shard_count);
    }
    Array<uint8_t> rest;
    if (!rest.resize(static_cast<size_t>(prelude.data_offset - rnl::kPreludeBytes))) {
      return out_of_memory("model file", "the header");
    }
    RUNNEL_TRY(file.read_at(rnl::kPreludeBytes, rest));
    RUNNEL_TRY(take_header(std::move(rest)));
    fingerprint_hash.update(prelude.header_hash.bytes);
    RUNNEL_ASSIGN(range, MappedRange::reserve(prelude.total_data_bytes, file.base() + prelude.data_offset));
    return map_file(std::move(file), prelude);
  }

  Status open_shard(InputFile file, uint32_t index) noexcept {
    rnl::Prelude p;
    RUNNEL_TRY(read_prelude(file, &p));
    RUNNEL_TRY(check_shard(p, index));
    return map_file(std::move(file), p);
  }

  Status open_path(const char* name) noexcept {
    RUNNEL_ASSIGN(InputFile first, InputFile::open(name));
    RUNNEL_TRY(open_first(std::move(first)));
    if (prelude.shard_count == 1) return {};
    const std::string_view stem = rnl::shard_stem(name);
    if (stem.empty()) {
      return Status::error(Code::invalid_argument,
                           "is shard 1 of %u, whose name ends in -00001-of-%05u.rnl; rename it back",
                           prelude.shard_count, prelude.shard_count);
    }
    Array<char> shard;
    for (uint32_t i = 1; i < prelude.shard_count; ++i) {
      if (!rnl::shard_path(stem, i, prelude.shard_count, &shard)) return out_of_memory("model file", "a name");
      Result<InputFile> file = InputFile::open(shard.data());
      Status status = file.ok() ? open_shard(*std::move(file), i) : file.status();
      if (!status.ok()) {
        return std::move(status).with_context("%s (shard %u of %u)", shard.data(), i + 1, prelude.shard_count);
      }
    }
    return {};
  }

  Status open_slices(std::span<const FileSlice> slices) noexcept {
    RUNNEL_ASSIGN(InputFile first, InputFile::open(slices[0]));
    RUNNEL_TRY(open_first(std::move(first)));
    if (slices.size() != prelude.shard_count) {
      return Status::error(Code::invalid_argument, "consists of %u shard(s), %zu slice(s) are given",
                           prelude.shard_count, slices.size());
    }
    for (uint32_t i = 1; i < prelude.shard_count; ++i) {
      Result<InputFile> file = InputFile::open(slices[i]);
      Status status = file.ok() ? open_shard(*std::move(file), i) : file.status();
      if (!status.ok()) return std::move(status).with_context("shard %u of %u", i + 1, prelude.shard_count);
    }
    return {};
  }

  Status open_bytes(std::span<const uint8_t> bytes) noexcept {
    if (reinterpret_cast<uintptr_t>(bytes.data()) % rnl::kTensorAlignment != 0) {
      return Status::error(Code::invalid_argument, "is not aligned to %llu bytes",
                           static_cast<unsigned long long>(rnl::kTensorAlignment));
    }
    RUNNEL_TRY(
        rnl::decode_prelude(bytes.first(std::min<size_t>(bytes.size(), rnl::kPreludeBytes)), bytes.size(), &prelude));
    if (prelude.shard_count != 1) {
      return Status::error(Code::invalid_argument, "is shard %u of %u; only a whole model can be used from memory",
                           prelude.shard_index + 1, prelude.shard_count);
    }
    Array<uint8_t> rest;
    const size_t data_offset = static_cast<size_t>(prelude.data_offset);
    if (!rest.append(bytes.subspan(rnl::kPreludeBytes, data_offset - rnl::kPreludeBytes))) {
      return out_of_memory("model file", "the header");
    }
    RUNNEL_TRY(take_header(std::move(rest)));
    file_bytes = bytes.size();
    return {};
  }

  // When all is mapped.
  Status begin(const uint8_t* bytes, const ModelFileOptions& options) noexcept {
    data = bytes;
    data_bytes = prelude.total_data_bytes;
    verify = trusted ? Verify::off : options.verify;
    RUNNEL_TRY(check.init(data, data_bytes, model->chunk_bytes(), rnl::chunk_hashes(*model)));
    return verify == Verify::eager ? name_tensor(check.check_all(nullptr, nullptr)) : Status();
  }

  // A mismatch says which tensors suffer.
  Status name_tensor(Status status) const noexcept {
    if (status.code() != Code::corrupt_file) return status;
    const ByteRange bad = check.bad_range();
    for (size_t i = 0; i < graph.tensors.size(); ++i) {
      const TensorDesc& tensor = graph.tensors[i];
      if (tensor.offset + tensor.bytes <= bad.offset) continue;
      if (tensor.offset < bad.offset + bad.bytes) {
        return Status::error(Code::corrupt_file, "model file %s: %s, in tensor %s", path.data(), status.message(),
                             tensor.name);
      }
      break;
    }
    return std::move(status).with_context("model file %s", path.data());
  }

  void read_ahead(const TensorDesc& tensor) noexcept {
    const uint64_t wanted = std::min(data_bytes, tensor.offset + tensor.bytes + kReadAheadBytes);
    uint64_t from = read_ahead_to.load(std::memory_order_relaxed);
    // In steps: one call of the system for many small tensors.
    if (wanted < data_bytes && wanted < from + kReadAheadBytes / 4) return;
    if (from < wanted && read_ahead_to.compare_exchange_strong(from, wanted, std::memory_order_relaxed)) {
      range.will_need(from, wanted - from);
    }
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

Result<ModelFile> ModelFile::open(const char* path, const ModelFileOptions& options) noexcept {
  return open(ModelSource{.path = path, .files = {}, .memory = {}}, options);
}

Result<ModelFile> ModelFile::open_memory(std::span<const uint8_t> bytes, const ModelFileOptions& options) noexcept {
  return open(ModelSource{.path = nullptr, .files = {}, .memory = bytes}, options);
}

Result<ModelFile> ModelFile::open(const ModelSource& source, const ModelFileOptions& options) noexcept {
  if ((source.path != nullptr) + !source.files.empty() + (source.memory.data() != nullptr) != 1) {
    return Status::error(Code::invalid_argument, "model file: expected one of a path, slices of files, and memory");
  }
  void* memory = allocate(sizeof(Impl), alignof(Impl));
  if (memory == nullptr) return out_of_memory("model file", "itself");
  std::unique_ptr<Impl, Release> impl(new (memory) Impl);
  char words[64] = "in memory";
  if (!source.files.empty()) {
    std::snprintf(words, sizeof words, "in descriptor %d at byte %llu", source.files[0].fd,
                  static_cast<unsigned long long>(source.files[0].offset));
  }
  impl->keep_files = options.keep_files;
  const char* path = source.path != nullptr ? source.path : words;
  if (!impl->path.append({path, std::strlen(path) + 1})) return out_of_memory("model file", "its name");
  const bool in_files = source.memory.data() == nullptr;
  Status status = source.path != nullptr ? impl->open_path(path)
                  : in_files             ? impl->open_slices(source.files)
                                         : impl->open_bytes(source.memory);
  if (!status.ok()) return std::move(status).with_context("model file %s", path);
  if (in_files) {
    Digest digest;
    if (!impl->fingerprint_hash.finish(&digest)) return out_of_memory("model file", "a hash");
    impl->fingerprint = hex(digest);
    impl->trusted = options.trusted_fingerprint == impl->fingerprint.text;
  }
  RUNNEL_TRY(impl->begin(in_files ? impl->range.bytes() : source.memory.data() + impl->prelude.data_offset, options));
  return ModelFile(impl.release());
}

ModelFile::ModelFile(ModelFile&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
ModelFile& ModelFile::operator=(ModelFile&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
ModelFile::~ModelFile() {
  if (impl_ != nullptr) Release()(impl_);
}

const Graph& ModelFile::graph() const noexcept { return impl_->graph; }
std::string_view ModelFile::name() const noexcept { return view(impl_->model->name()); }
std::string_view ModelFile::architecture() const noexcept { return view(impl_->model->architecture()); }
std::string_view ModelFile::weights_label() const noexcept { return view(impl_->model->weights_label()); }
std::string_view ModelFile::hash_hex() const noexcept { return impl_->hash.text; }
std::string_view ModelFile::chat_template() const noexcept { return view(impl_->model->chat_template()); }
uint32_t ModelFile::context_length() const noexcept { return impl_->model->context_length(); }
uint32_t ModelFile::vocab_size() const noexcept { return impl_->model->vocab_size(); }
std::span<const int32_t> ModelFile::end_ids() const noexcept {
  const auto* ids = impl_->model->end_ids();
  return ids == nullptr ? std::span<const int32_t>() : std::span<const int32_t>(ids->data(), ids->size());
}
uint64_t ModelFile::file_bytes() const noexcept { return impl_->file_bytes; }
uint64_t ModelFile::header_bytes() const noexcept { return rnl::kPreludeBytes + impl_->prelude.header_bytes; }
uint64_t ModelFile::weight_bytes() const noexcept {
  return impl_->graph.tensors.empty() ? 0 : impl_->data_bytes - impl_->graph.tensors[0].offset;
}
std::span<const DataPart> ModelFile::parts() const noexcept { return impl_->parts; }
bool ModelFile::in_memory() const noexcept { return impl_->fingerprint.text[0] == '\0'; }
std::span<const uint8_t> ModelFile::data() const noexcept { return {impl_->data, impl_->data_bytes}; }
uint64_t ModelFile::data_bytes() const noexcept { return impl_->data_bytes; }
uint32_t ModelFile::chunk_bytes() const noexcept { return impl_->model->chunk_bytes(); }

void ModelFile::close_files() noexcept {
  impl_->parts.clear();
  impl_->files.clear();
}

void ModelFile::relocate(const uint8_t* data) noexcept {
  impl_->data = data;
  impl_->check.relocate(data);
  impl_->range = MappedRange();
}

void ModelFile::read_by(DataRead read, const void* context) noexcept { impl_->check.read_by(read, context); }
void ModelFile::stop_checks() noexcept { impl_->check.stop(); }
bool ModelFile::lazy() const noexcept { return impl_->verify == Verify::lazy; }

void ModelFile::check_copy(uint64_t first, uint64_t count, const uint8_t* bytes,
                           const std::atomic<bool>& stop) const noexcept {
  for (uint64_t i = 0; i < count && !stop.load(std::memory_order_relaxed); ++i) {
    if (!impl_->check.known(first + i)) impl_->check.check_copy(first + i, bytes + i * chunk_bytes(), stop);
  }
}

bool ModelFile::known(uint64_t first, uint64_t count) const noexcept {
  for (uint64_t i = 0; i < count; ++i) {
    if (!impl_->check.known(first + i)) return false;
  }
  return true;
}

Status ModelFile::check_later(uint64_t offset, uint64_t bytes) const noexcept {
  return lazy() ? impl_->name_tensor(impl_->check.want(offset, bytes)) : verification();
}

std::string_view ModelFile::fingerprint() const noexcept { return impl_->fingerprint.text; }
std::string_view ModelFile::signer_hex() const noexcept { return impl_->signer.text; }
const void* ModelFile::header() const noexcept { return impl_->model; }

Result<std::span<const uint8_t>> ModelFile::section(std::string_view name) const noexcept {
  const auto* sections = impl_->model->sections();
  for (size_t i = 0; sections != nullptr && i < sections->size(); ++i) {
    const fb::Section& section = *sections->Get(i);
    if (view(section.name()) != name) continue;
    if (impl_->verify != Verify::off) {
      Status status = impl_->check.check(section.offset(), section.bytes());
      if (!status.ok())
        return std::move(status).with_context("model file %s: section %s", impl_->path.data(), section.name()->c_str());
    }
    return std::span<const uint8_t>(impl_->data + section.offset(), static_cast<size_t>(section.bytes()));
  }
  return std::span<const uint8_t>();
}

const uint8_t* ModelFile::tensor_data(uint32_t index) const noexcept {
  return impl_->data + impl_->graph.tensors[index].offset;
}

Status ModelFile::touch_tensor(uint32_t index) const noexcept {
  const TensorDesc& tensor = impl_->graph.tensors[index];
  if (impl_->touched.test(index) || impl_->touched.set(index)) return verification();
  impl_->read_ahead(tensor);
  if (impl_->verify != Verify::lazy) return verification();
  return impl_->name_tensor(impl_->check.want(tensor.offset, tensor.bytes));
}

uint64_t ModelFile::drop_pages() const noexcept { return impl_->range.drop(); }

Status ModelFile::verification() const noexcept { return impl_->name_tensor(impl_->check.found()); }
Status ModelFile::settle() const noexcept { return impl_->name_tensor(impl_->check.settle()); }
bool ModelFile::verified() const noexcept { return impl_->trusted || impl_->check.complete(); }

Status ModelFile::verify_all(void (*progress)(void* context, uint64_t done, uint64_t total),
                             void* context) const noexcept {
  return impl_->name_tensor(impl_->check.check_all(progress, context));
}

}  // namespace runnel
