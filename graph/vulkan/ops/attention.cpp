#include <algorithm>

#include "graph/vulkan/ops/rows.h"

namespace runnel::vulkan {
namespace {

enum : uint32_t { kSlot, kHeads, kScale };

struct Push {
  VkDeviceAddress q, y, step, pages;
  uint32_t q_stride, y_stride;
  uint32_t heads, kv_heads, head_dim, window, page_shift;
  uint32_t key_offset, key_head_words, value_offset, value_head_words;
  float scale;
};

const char* refuses(const CpuCall&, const KvLayout& kv) noexcept {
  for (const KvType type : {kv.types.keys, kv.types.values}) {
    if (type != KvType::f16 && type != KvType::f32) return "no shader reads keys and values of this type";
  }
  for (const KvSlotLayout& slot : kv.slots) {
    if (std::max(slot.keys.offset, slot.values.offset) / 4 > UINT32_MAX / 2) return "KV pages are too large";
  }
  return nullptr;
}

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const KvLayout& kv = recorder.kv();
  const auto index = static_cast<size_t>(call.attrs[kSlot]);
  const KvSlotLayout& place = kv.slots[index];
  const StateSlot& slot = recorder.slot(index);
  const auto heads = static_cast<uint32_t>(call.attrs[kHeads]);
  const uint32_t head_dim = slot.head_dim, kv_heads = slot.kv_heads;
  const uint32_t tokens = call.in[0].rows;
  const auto words = [](uint64_t bytes) { return static_cast<uint32_t>(bytes / sizeof(uint32_t)); };
  const Constants types = {
      {recorder.tuning().row_threads, kv.types.keys == KvType::f32, kv.types.values == KvType::f32}};
  Push push = {node.in[1],
               node.in[2],
               recorder.step().step,
               recorder.step().pages[place.group],
               stride_of(call.in[1]),
               stride_of(call.in[2]),
               heads,
               kv_heads,
               head_dim,
               slot.window,
               kv.groups.page_shift,
               words(place.keys.offset),
               words(place.keys.head_stride),
               words(place.values.offset),
               words(place.values.head_stride),
               static_cast<float>(call.attrs[kScale])};
  // A step of n tokens lies in at most this many blocks of 16, wherever it begins.
  const uint32_t blocks = (tokens + 14) / 16 + 1;
  RUNNEL_TRY(recorder.dispatch(Shader::kv_store, types, push, groups(16 * head_dim, types.values[0]), 2 * kv_heads,
                               tokens == 0 ? 0 : blocks, Load::little));
  push.q = node.in[0];
  push.q_stride = stride_of(call.in[0]);
  push.y = node.out[0];
  push.y_stride = stride_of(call.out[0]);
  const uint32_t threads = recorder.tuning().attention_threads;
  const Constants constants = {{threads, types.values[1], types.values[2], groups(head_dim, threads)}};
  return recorder.dispatch(Shader::attention, constants, push, heads, tokens);
}

}  // namespace

const VulkanOp vulkan_op_attention = {.op = &op_attention, .refuses = refuses, .record = record};

}  // namespace runnel::vulkan
