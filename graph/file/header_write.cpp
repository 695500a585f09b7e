#include "graph/file/header_write.h"

#include <algorithm>
#include <cstring>

#include "graph/file/format.h"
#include "graph/file/model_generated.h"
#include "graph/op.h"
#include "kernels/base/memory.h"

namespace runnel::rnl {
namespace {

using flatbuffers::Offset;
using flatbuffers::Vector;

// One block of memory for a FlatBufferBuilder, which cannot be told that it does not get any: whoever builds asks
// room() first, and starts again with a larger block when there is none.
class Block final : public flatbuffers::Allocator {
 public:
  explicit Block(size_t bytes) noexcept : memory_(static_cast<uint8_t*>(runnel::allocate(bytes))), bytes_(bytes) {}
  ~Block() override { release(memory_); }
  bool ok() const noexcept { return memory_ != nullptr; }
  size_t bytes() const noexcept { return bytes_; }

  uint8_t* allocate(size_t) noexcept override { return memory_; }
  void deallocate(uint8_t*, size_t) noexcept override {}

 private:
  uint8_t* memory_;
  size_t bytes_;
};

constexpr size_t kTableBytes = 1024;    // more than any table, its vtable and the builder's notes on it take
constexpr size_t kReserveBytes = 8192;  // notes on vtables, alignment, the root

class HeaderBuilder {
 public:
  HeaderBuilder(const HeaderParts& parts, Block* block) noexcept
      : parts_(parts), spec_(*parts.spec), block_(*block), fbb_(block->bytes(), block) {
    fbb_.ForceDefaults(true);  // a value must not change the size
  }

  enum class Outcome { done, block_too_small, out_of_memory };

  Outcome build(Array<uint8_t>* out) noexcept {
    const Offset<fb::Model> root = model();
    if (no_memory_) return Outcome::out_of_memory;
    if (full_) return Outcome::block_too_small;
    fb::FinishModelBuffer(fbb_, root);
    out->clear();
    return out->append({fbb_.GetBufferPointer(), fbb_.GetSize()}) ? Outcome::done : Outcome::out_of_memory;
  }

 private:
  // Whether `bytes` more can be built. Sticky.
  bool room(size_t bytes) noexcept {
    if (full_ || no_memory_) return false;
    const size_t left = block_.bytes() - fbb_.GetSize();
    full_ = left < kReserveBytes || left - kReserveBytes < bytes;
    return !full_;
  }

  Offset<flatbuffers::String> text(std::string_view s) noexcept {
    return room(s.size() + 16) ? fbb_.CreateString(s.data(), s.size()) : Offset<flatbuffers::String>();
  }
  template <class T>
  Offset<Vector<T>> scalars(std::span<const T> values) noexcept {
    return room(values.size_bytes() + 32) ? fbb_.CreateVector(values.data(), values.size()) : Offset<Vector<T>>();
  }
  // A vector of tables: make(i) is the i-th.
  template <class T, class Make>
  Offset<Vector<Offset<T>>> tables(size_t count, Make make) noexcept {
    Array<Offset<T>> list;
    if (!list.reserve(count)) {
      no_memory_ = true;
      return {};
    }
    for (size_t i = 0; i < count; ++i) (void)list.push(make(i));
    return room(count * sizeof(Offset<T>) + 32) ? fbb_.CreateVector(list.data(), list.size())
                                                : Offset<Vector<Offset<T>>>();
  }
  // Runs `create` when a table fits; the offsets that it uses are then valid as well.
  template <class T, class Create>
  Offset<T> table(Create create) noexcept {
    return room(kTableBytes) ? create() : Offset<T>();
  }

  size_t op_index(const OpDef* op) const noexcept {
    return static_cast<size_t>(std::find(ops_.begin(), ops_.end(), op) - ops_.begin());
  }

  bool collect() noexcept {
    for (const Node& node : spec_.graph->nodes) {
      if (op_index(node.op) == ops_.size() && !ops_.push(node.op)) return false;
      op_set_ = std::max(op_set_, node.op->since);
    }
    for (const TensorDesc& tensor : parts_.tensors) {
      if (type_index(tensor) == types_.size() && !types_.push(&tensor)) return false;
    }
    return true;
  }

  size_t type_index(const TensorDesc& tensor) const noexcept {
    size_t i = 0;
    while (i < types_.size() &&
           (types_[i]->dtype != tensor.dtype || types_[i]->nr != tensor.nr || types_[i]->kr != tensor.kr)) {
      ++i;
    }
    return i;
  }

  Offset<fb::Op> op(const OpDef& def) noexcept {
    const auto attributes = tables<fb::Attribute>(def.attrs.size(), [&](size_t i) {
      const auto name = text(def.attrs[i].name);
      return table<fb::Attribute>([&] { return fb::CreateAttribute(fbb_, name); });
    });
    const auto name = text(def.name);
    return table<fb::Op>([&] { return fb::CreateOp(fbb_, name, attributes, def.since); });
  }

  Offset<fb::Node> node(const Node& n) noexcept {
    const auto inputs = scalars<uint32_t>({n.inputs, n.input_count});
    const auto outputs = scalars<uint32_t>({n.outputs, n.output_count});
    const auto attributes = scalars<double>({n.attrs, n.op->attrs.size()});
    const auto index = static_cast<uint32_t>(op_index(n.op));
    return table<fb::Node>([&] { return fb::CreateNode(fbb_, index, n.layer, inputs, outputs, attributes); });
  }

  Offset<fb::TensorType> tensor_type(const TensorDesc& tensor) noexcept {
    const DTypeInfo& info = dtype_info(tensor.dtype);
    const auto name = text(info.name);
    return table<fb::TensorType>([&] {
      return fb::CreateTensorType(fbb_, name, static_cast<uint32_t>(info.dtype), info.group, info.block_bytes,
                                  tensor.nr, tensor.kr);
    });
  }

  Offset<fb::Tensor> tensor(size_t i) noexcept {
    const TensorDesc& t = parts_.tensors[i];
    const auto name = text(t.name);
    const auto type = static_cast<uint32_t>(type_index(t));
    return table<fb::Tensor>(
        [&] { return fb::CreateTensor(fbb_, name, type, t.rows, t.cols, t.offset, t.bytes, parts_.errors[i]); });
  }

  Offset<fb::KeyValue> key_value(const KeyValue& kv) noexcept {
    const auto key = text(kv.key);
    const auto value = text(kv.value);
    return table<fb::KeyValue>([&] { return fb::CreateKeyValue(fbb_, key, value); });
  }

  Offset<Vector<Offset<fb::KeyValue>>> provenance() noexcept {
    const size_t early = spec_.provenance.size();
    return tables<fb::KeyValue>(early + parts_.late_provenance.size(), [&](size_t i) {
      return key_value(i < early ? spec_.provenance[i] : parts_.late_provenance[i - early]);
    });
  }

  Offset<Vector<Offset<fb::GoldenText>>> golden_texts() noexcept {
    return tables<fb::GoldenText>(spec_.golden_texts.size(), [&](size_t i) {
      const auto t = text(spec_.golden_texts[i].text);
      const auto ids = scalars<int32_t>(spec_.golden_texts[i].ids);
      return table<fb::GoldenText>([&] { return fb::CreateGoldenText(fbb_, t, ids); });
    });
  }

  Offset<Vector<Offset<fb::GoldenChat>>> golden_chats() noexcept {
    return tables<fb::GoldenChat>(spec_.golden_chats.size(), [&](size_t i) {
      const auto messages = text(spec_.golden_chats[i].messages_json);
      const auto rendered = text(spec_.golden_chats[i].rendered);
      return table<fb::GoldenChat>([&] { return fb::CreateGoldenChat(fbb_, messages, rendered); });
    });
  }

  Offset<Vector<Offset<fb::Quality>>> quality() noexcept {
    return tables<fb::Quality>(spec_.quality.size(), [&](size_t i) {
      const auto metric = text(spec_.quality[i].metric);
      const auto data = text(spec_.quality[i].data);
      return table<fb::Quality>([&] { return fb::CreateQuality(fbb_, metric, spec_.quality[i].value, data); });
    });
  }

  Offset<Vector<Offset<fb::Section>>> sections() noexcept {
    return tables<fb::Section>(parts_.sections.size(), [&](size_t i) {
      const auto name = text(spec_.sections[i].name);
      const SectionPlace& place = parts_.sections[i];
      return table<fb::Section>([&] { return fb::CreateSection(fbb_, name, place.offset, place.bytes); });
    });
  }

  Offset<Vector<const fb::Hash*>> chunks() noexcept {
    if (!room(parts_.chunks.size_bytes() + 32)) return {};
    return fbb_.CreateVectorOfStructs(reinterpret_cast<const fb::Hash*>(parts_.chunks.data()), parts_.chunks.size());
  }

  Offset<Vector<Offset<fb::Shard>>> shards() noexcept {
    return tables<fb::Shard>(parts_.shards.size(), [&](size_t i) {
      const ShardPlace& s = parts_.shards[i];
      return table<fb::Shard>([&] { return fb::CreateShard(fbb_, s.data_begin, s.data_bytes, s.data_offset); });
    });
  }

  Offset<fb::Model> model() noexcept {
    const Graph& graph = *spec_.graph;
    if (!collect()) {
      no_memory_ = true;
      return {};
    }
    const auto name = text(spec_.name);
    const auto architecture = text(spec_.architecture);
    const auto weights = text(spec_.weights_label);
    const auto chat = spec_.chat_template.empty() ? Offset<flatbuffers::String>() : text(spec_.chat_template);
    const auto end_ids = scalars<int32_t>(spec_.end_ids);
    const auto op_list = tables<fb::Op>(ops_.size(), [&](size_t i) { return op(*ops_[i]); });
    const auto values = tables<fb::Value>(graph.values.size(), [&](size_t i) {
      const Value& v = graph.values[i];
      return table<fb::Value>([&] {
        return fb::CreateValue(fbb_, static_cast<fb::RowKind>(v.shape.kind), v.shape.rows, v.shape.cols, v.tensor);
      });
    });
    const auto nodes = tables<fb::Node>(graph.nodes.size(), [&](size_t i) { return node(graph.nodes[i]); });
    const auto slots = tables<fb::Slot>(graph.slots.size(), [&](size_t i) {
      const StateSlot& s = graph.slots[i];
      const auto kind = text("kv");
      return table<fb::Slot>([&] { return fb::CreateSlot(fbb_, kind, s.kv_heads, s.head_dim, s.window); });
    });
    const auto types = tables<fb::TensorType>(types_.size(), [&](size_t i) { return tensor_type(*types_[i]); });
    const auto tensors = tables<fb::Tensor>(parts_.tensors.size(), [&](size_t i) { return tensor(i); });
    const auto section_list = sections();
    const auto chunk_list = chunks();
    const auto shard_list = shards();
    const auto texts = golden_texts();
    const auto chats = golden_chats();
    const auto notes = provenance();
    const auto figures = quality();
    return table<fb::Model>([&] {
      return fb::CreateModel(fbb_, kMinimumRuntime, op_set_, name, architecture, weights, chat, spec_.context_length,
                             spec_.vocab_size, end_ids, op_list, values, nodes, slots, graph.logits, types, tensors,
                             section_list, parts_.data_bytes, parts_.chunk_bytes, chunk_list, shard_list, texts, chats,
                             notes, figures);
    });
  }

  const HeaderParts& parts_;
  const ModelSpec& spec_;
  Block& block_;
  flatbuffers::FlatBufferBuilder fbb_;
  Array<const OpDef*> ops_;
  Array<const TensorDesc*> types_;
  uint32_t op_set_ = 0;
  bool full_ = false, no_memory_ = false;
};

}  // namespace

Status write_header(const HeaderParts& parts, Array<uint8_t>* out) noexcept {
  for (size_t bytes = 1 << 18; bytes <= 4 * kMaxHeaderBytes; bytes *= 2) {
    Block block(bytes);
    if (!block.ok()) return out_of_memory("model writer", "the header");
    switch (HeaderBuilder(parts, &block).build(out)) {
      case HeaderBuilder::Outcome::done: return {};
      case HeaderBuilder::Outcome::out_of_memory: return out_of_memory("model writer", "the header");
      case HeaderBuilder::Outcome::block_too_small: break;
    }
  }
  return Status::error(Code::invalid_argument, "model writer: the header is larger than %llu MiB",
                       static_cast<unsigned long long>(kMaxHeaderBytes >> 20));
}

}  // namespace runnel::rnl
