#include "graph/file/header_read.h"

#include <algorithm>
#include <cstring>

#include "graph/file/model_generated.h"
#include "graph/op.h"
#include "kernels/base/checked.h"

namespace runnel::rnl {
namespace {

using Text = flatbuffers::String;

template <class T>
size_t count(const T* list) noexcept {
  return list == nullptr ? 0 : list->size();
}

unsigned long long ull(uint64_t x) noexcept { return x; }

Status too_many(const char* what, size_t n, size_t limit) noexcept {
  return Status::error(Code::corrupt_file, "header: %zu %s, at most %zu are allowed", n, what, limit);
}

// Names go into messages and listings: printable ASCII, 1 to 63 bytes.
bool good_name(const Text* name) noexcept {
  if (name->size() == 0 || name->size() > 63) return false;
  return std::all_of(name->begin(), name->end(), [](auto c) { return c > ' ' && c < 0x7f; });
}

// An op of the file with the place of each of its attributes in ours.
struct OpMap {
  const OpDef* op = nullptr;
  uint32_t attributes = 0;
  uint8_t place[kMaxAttrs] = {};
};

struct Reader {
  const fb::Model& model;
  Graph* graph;
  Array<OpMap> ops;
  Array<TensorDesc> types;  // dtype, nr and kr of each tensor type

  Status newer(const char* what, const char* name) const noexcept {
    return Status::error(
        Code::unsupported, "header: %s '%s' is not known to runtime %s; the file needs runtime %s (op set %u)", what,
        name, version_text(runtime_version()).text, version_text(model.minimum_runtime()).text, model.op_set());
  }

  Status read_op(const fb::Op& from, OpMap* to) const noexcept {
    if (!good_name(from.name())) return Status::error(Code::corrupt_file, "header: an op has no proper name");
    to->op = find_op(from.name()->string_view());
    if (to->op == nullptr) return newer("op", from.name()->c_str());
    to->attributes = static_cast<uint32_t>(count(from.attributes()));
    // Attributes that we do not know are reported by name before their number is.
    for (uint32_t i = 0; i < to->attributes; ++i) {
      const Text* name = from.attributes()->Get(i)->name();
      if (!good_name(name)) return Status::error(Code::corrupt_file, "header: op %s: bad attribute", to->op->name);
      size_t place = 0;
      while (place < to->op->attrs.size() && name->string_view() != to->op->attrs[place].name) ++place;
      if (place == to->op->attrs.size()) {
        return newer("attribute", name->c_str()).with_context("op %s", to->op->name);
      }
      if (i >= kMaxAttrs || std::find(to->place, to->place + i, place) != to->place + i) {
        return Status::error(Code::corrupt_file, "header: op %s has attribute %s twice", to->op->name, name->c_str());
      }
      to->place[i] = static_cast<uint8_t>(place);
    }
    return {};
  }

  Status read_ops() noexcept {
    if (count(model.ops()) > 4096) return too_many("ops", count(model.ops()), 4096);
    if (!ops.resize(count(model.ops()))) return out_of_memory("header", "its ops");
    for (size_t i = 0; i < ops.size(); ++i) RUNNEL_TRY(read_op(*model.ops()->Get(i), &ops[i]));
    return {};
  }

  Status read_values() noexcept {
    if (count(model.values()) > kMaxValues) return too_many("values", count(model.values()), kMaxValues);
    if (!graph->values.resize(count(model.values()))) return out_of_memory("header", "its values");
    for (size_t i = 0; i < graph->values.size(); ++i) {
      const fb::Value& from = *model.values()->Get(i);
      if (static_cast<uint8_t>(from.row_kind()) > static_cast<uint8_t>(Rows::outputs)) {
        return Status::error(Code::corrupt_file, "header: value %zu has row kind %u", i,
                             static_cast<unsigned>(from.row_kind()));
      }
      graph->values[i].shape = {static_cast<Rows>(from.row_kind()), from.rows(), from.cols()};
      graph->values[i].tensor = from.tensor();
    }
    return {};
  }

  Status read_node(const fb::Node& from, Node* to) const noexcept {
    if (from.op() >= ops.size()) return Status::error(Code::corrupt_file, "op %u of %zu", from.op(), ops.size());
    const OpMap& map = ops[from.op()];
    to->op = map.op;
    to->layer = from.layer();
    if (count(from.inputs()) > kMaxInputs || count(from.outputs()) > kMaxOutputs) {
      return Status::error(Code::corrupt_file, "%s: %zu inputs and %zu outputs, at most %u and %u are allowed",
                           map.op->name, count(from.inputs()), count(from.outputs()), kMaxInputs, kMaxOutputs);
    }
    if (count(from.attributes()) != map.attributes) {
      return Status::error(Code::corrupt_file, "%s: %zu attributes, the op table says %u", map.op->name,
                           count(from.attributes()), map.attributes);
    }
    to->input_count = static_cast<uint32_t>(count(from.inputs()));
    to->output_count = static_cast<uint32_t>(count(from.outputs()));
    for (uint32_t i = 0; i < to->input_count; ++i) to->inputs[i] = from.inputs()->Get(i);
    for (uint32_t i = 0; i < to->output_count; ++i) to->outputs[i] = from.outputs()->Get(i);
    for (size_t i = 0; i < map.op->attrs.size(); ++i) to->attrs[i] = map.op->attrs[i].fallback;
    for (uint32_t i = 0; i < map.attributes; ++i) to->attrs[map.place[i]] = from.attributes()->Get(i);
    return {};
  }

  Status read_nodes() noexcept {
    if (count(model.nodes()) > kMaxNodes) return too_many("nodes", count(model.nodes()), kMaxNodes);
    if (!graph->nodes.resize(count(model.nodes()))) return out_of_memory("header", "its nodes");
    for (size_t i = 0; i < graph->nodes.size(); ++i) {
      Status status = read_node(*model.nodes()->Get(i), &graph->nodes[i]);
      if (!status.ok()) return std::move(status).with_context("header: node %zu", i);
    }
    return {};
  }

  Status read_slots() noexcept {
    if (count(model.slots()) > kMaxSlots) return too_many("state slots", count(model.slots()), kMaxSlots);
    if (!graph->slots.resize(count(model.slots()))) return out_of_memory("header", "its state slots");
    for (size_t i = 0; i < graph->slots.size(); ++i) {
      const fb::Slot& from = *model.slots()->Get(i);
      if (!good_name(from.kind())) return Status::error(Code::corrupt_file, "header: slot %zu has no proper kind", i);
      if (from.kind()->string_view() != "kv") return newer("state of kind", from.kind()->c_str());
      graph->slots[i] = {from.kv_heads(), from.head_dim(), from.window()};
    }
    return {};
  }

  Status read_types() noexcept {
    if (count(model.tensor_types()) > 4096) return too_many("tensor types", count(model.tensor_types()), 4096);
    if (!types.resize(count(model.tensor_types()))) return out_of_memory("header", "its tensor types");
    for (size_t i = 0; i < types.size(); ++i) {
      const fb::TensorType& from = *model.tensor_types()->Get(i);
      if (!good_name(from.name())) return Status::error(Code::corrupt_file, "header: type %zu has no proper name", i);
      const DTypeInfo* info = find_dtype(from.id());
      if (info == nullptr || from.name()->string_view() != info->name)
        return newer("storage type", from.name()->c_str());
      if (from.group() != info->group || from.block_bytes() != info->block_bytes) {
        return Status::error(Code::corrupt_file, "header: %s has blocks of %u values in %u bytes, expected %u in %u",
                             info->name, from.group(), from.block_bytes(), info->group, info->block_bytes);
      }
      types[i].dtype = info->dtype;
      types[i].nr = from.nr();
      types[i].kr = from.kr();
    }
    return {};
  }

  // `end`: where the previous tensor ends; moved to this one's end.
  Status read_tensor(const fb::Tensor& from, TensorDesc* to, uint64_t* end) const noexcept {
    if (from.type() >= types.size()) {
      return Status::error(Code::corrupt_file, "storage type %u of %zu", from.type(), types.size());
    }
    *to = types[from.type()];
    std::memcpy(to->name, from.name()->data(), from.name()->size());
    to->rows = from.rows();
    to->cols = from.cols();
    TensorDesc expected = *to;
    if (!tensor_layout(&expected)) {
      return Status::error(Code::corrupt_file, "(%u, %u) is empty or too large", to->rows, to->cols);
    }
    if (to->nr != expected.nr || to->kr != expected.kr) {
      return Status::error(Code::unsupported, "packed %ux%u; this build's %s is packed %ux%u: convert the model again",
                           to->nr, to->kr, dtype_info(to->dtype).name, expected.nr, expected.kr);
    }
    to->offset = from.offset();
    to->bytes = from.bytes();
    if (to->bytes != expected.bytes) {
      return Status::error(Code::corrupt_file, "%llu bytes, (%u, %u) of %s has %llu", ull(to->bytes), to->rows,
                           to->cols, dtype_info(to->dtype).name, ull(expected.bytes));
    }
    if (to->offset % kTensorAlignment != 0 || !range_fits(to->offset, to->bytes, model.data_bytes())) {
      return Status::error(Code::corrupt_file, "bytes %llu and %llu after, in a data region of %llu", ull(to->offset),
                           ull(to->bytes), ull(model.data_bytes()));
    }
    if (to->offset < *end) {
      return Status::error(Code::corrupt_file, "begins at %llu, before the end of what lies before it (%llu)",
                           ull(to->offset), ull(*end));
    }
    *end = to->offset + to->bytes;
    return {};
  }

  Status read_tensors(uint64_t end) noexcept {
    if (count(model.tensors()) > kMaxValues) return too_many("tensors", count(model.tensors()), kMaxValues);
    if (!graph->tensors.resize(count(model.tensors()))) return out_of_memory("header", "its tensors");
    for (size_t i = 0; i < graph->tensors.size(); ++i) {
      const fb::Tensor& from = *model.tensors()->Get(i);
      if (!good_name(from.name())) return Status::error(Code::corrupt_file, "header: tensor %zu has no proper name", i);
      Status status = read_tensor(from, &graph->tensors[i], &end);
      if (!status.ok()) return std::move(status).with_context("header: tensor %s", from.name()->c_str());
    }
    return unique_names();
  }

  Status unique_names() const noexcept {
    Array<const char*> names;
    if (!names.reserve(graph->tensors.size())) return out_of_memory("header", "tensor names");
    for (const TensorDesc& tensor : graph->tensors) (void)names.push(tensor.name);
    std::sort(names.begin(), names.end(), [](const char* a, const char* b) { return std::strcmp(a, b) < 0; });
    for (size_t i = 1; i < names.size(); ++i) {
      if (std::strcmp(names[i - 1], names[i]) == 0) {
        return Status::error(Code::corrupt_file, "header: two tensors are named %s", names[i]);
      }
    }
    return {};
  }

  // Sections lie before all tensors. `end`: where the last one ends.
  Status check_sections(uint64_t* end) const noexcept {
    if (count(model.sections()) > kMaxSections) return too_many("sections", count(model.sections()), kMaxSections);
    for (size_t i = 0; i < count(model.sections()); ++i) {
      const fb::Section& s = *model.sections()->Get(i);
      if (!good_name(s.name())) return Status::error(Code::corrupt_file, "header: section %zu has no proper name", i);
      for (size_t j = 0; j < i; ++j) {
        if (s.name()->string_view() == model.sections()->Get(j)->name()->string_view()) {
          return Status::error(Code::corrupt_file, "header: two sections are named %s", s.name()->c_str());
        }
      }
      if (s.offset() % kTensorAlignment != 0 || s.offset() < *end ||
          !range_fits(s.offset(), s.bytes(), model.data_bytes())) {
        return Status::error(Code::corrupt_file,
                             "header: section %s is bytes %llu and %llu after; it may begin at %llu, a multiple of 64, "
                             "and the data region has %llu",
                             s.name()->c_str(), ull(s.offset()), ull(s.bytes()), ull(*end), ull(model.data_bytes()));
      }
      *end = s.offset() + s.bytes();
    }
    return {};
  }

  Status check_data(const Prelude& prelude) const noexcept {
    const uint64_t chunk_bytes = model.chunk_bytes();
    if (model.data_bytes() != prelude.total_data_bytes) {
      return Status::error(Code::corrupt_file, "header: a data region of %llu bytes, the prelude says %llu",
                           ull(model.data_bytes()), ull(prelude.total_data_bytes));
    }
    if (!is_power_of_two(chunk_bytes) || chunk_bytes < kMinChunkBytes || chunk_bytes > kMaxChunkBytes) {
      return Status::error(Code::corrupt_file, "header: chunks of %llu bytes", ull(chunk_bytes));
    }
    if (count(model.chunks()) != ceil_div<uint64_t>(model.data_bytes(), chunk_bytes)) {
      return Status::error(Code::corrupt_file, "header: %zu chunk hashes for %llu bytes", count(model.chunks()),
                           ull(model.data_bytes()));
    }
    if (count(model.shards()) != prelude.shard_count) {
      return Status::error(Code::corrupt_file, "header: %zu shards, the prelude says %u", count(model.shards()),
                           prelude.shard_count);
    }
    uint64_t end = 0;
    for (size_t i = 0; i < count(model.shards()); ++i) {
      const fb::Shard& shard = *model.shards()->Get(i);
      if (shard.data_begin() != end || shard.data_begin() % chunk_bytes != 0 ||
          !range_fits(end, shard.data_bytes(), model.data_bytes())) {
        return Status::error(Code::corrupt_file, "header: shard %zu holds bytes %llu and %llu after", i + 1,
                             ull(shard.data_begin()), ull(shard.data_bytes()));
      }
      end += shard.data_bytes();
    }
    const fb::Shard& first = *model.shards()->Get(0);
    if (end != model.data_bytes() || first.data_bytes() != prelude.data_bytes ||
        first.data_offset() != prelude.data_offset) {
      return Status::error(Code::corrupt_file, "header: the shards do not make up the data region");
    }
    return {};
  }

  Status check_texts() const noexcept {
    if (model.vocab_size() == 0 || model.vocab_size() > INT32_MAX) {
      return Status::error(Code::corrupt_file, "header: a vocabulary of %u", model.vocab_size());
    }
    if (count(model.end_ids()) > kMaxGoldens) return too_many("end ids", count(model.end_ids()), kMaxGoldens);
    for (size_t i = 0; i < count(model.end_ids()); ++i) {
      const int32_t id = model.end_ids()->Get(i);
      if (id < 0 || static_cast<uint32_t>(id) >= model.vocab_size()) {
        return Status::error(Code::corrupt_file, "header: end id %d in a vocabulary of %u", id, model.vocab_size());
      }
    }
    if (count(model.golden_texts()) > kMaxGoldens || count(model.golden_chats()) > kMaxGoldens) {
      return too_many("golden vectors", std::max(count(model.golden_texts()), count(model.golden_chats())),
                      kMaxGoldens);
    }
    if (count(model.provenance()) > kMaxNoteEntries || count(model.quality()) > kMaxNoteEntries) {
      return too_many("notes", std::max(count(model.provenance()), count(model.quality())), kMaxNoteEntries);
    }
    return {};
  }

  Status check_graph() const noexcept {
    Status status = verify_graph(*graph);
    if (status.code() == Code::invalid_argument) {
      status = Status::error(Code::corrupt_file, "%s", status.message());
    }
    if (!status.ok()) return std::move(status).with_context("header");
    const uint32_t cols = graph->values[graph->logits].shape.cols;
    if (cols != model.vocab_size()) {
      return Status::error(Code::corrupt_file, "header: logits of %u columns, a vocabulary of %u", cols,
                           model.vocab_size());
    }
    return {};
  }
};

}  // namespace

Status read_header(std::span<const uint8_t> bytes, const Prelude& prelude, const fb::Model** model,
                   Graph* graph) noexcept {
  flatbuffers::Verifier::Options limits;
  limits.max_depth = 8;
  limits.max_tables = 1 << 20;
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), limits);
  if (!fb::VerifyModelBuffer(verifier)) {
    return Status::error(Code::corrupt_file, "header: not a well-formed FlatBuffer of this schema");
  }
  const fb::Model& root = *fb::GetModel(bytes.data());
  Reader reader{root, graph, {}, {}};
  // What the file needs and we lack is named before a bare version number is.
  RUNNEL_TRY(reader.read_ops());
  RUNNEL_TRY(reader.read_types());
  RUNNEL_TRY(reader.read_slots());
  if (root.minimum_runtime() > runtime_version() || root.op_set() > kOpSetVersion) {
    return Status::error(Code::unsupported, "header: needs runtime %s (op set %u); this is runtime %s (op set %u)",
                         version_text(root.minimum_runtime()).text, root.op_set(), version_text(runtime_version()).text,
                         kOpSetVersion);
  }
  RUNNEL_TRY(reader.check_data(prelude));
  RUNNEL_TRY(reader.check_texts());
  uint64_t end = 0;
  RUNNEL_TRY(reader.check_sections(&end));
  RUNNEL_TRY(reader.read_tensors(end));
  RUNNEL_TRY(reader.read_values());
  RUNNEL_TRY(reader.read_nodes());
  graph->logits = root.logits();
  RUNNEL_TRY(reader.check_graph());
  *model = &root;
  return {};
}

const Digest* chunk_hashes(const fb::Model& model) noexcept {
  static_assert(sizeof(fb::Hash) == sizeof(Digest) && alignof(Digest) == 1);
  return reinterpret_cast<const Digest*>(model.chunks()->Data());
}

}  // namespace runnel::rnl
