#include <algorithm>
#include <cmath>

#include "graph/vulkan/ops/rows.h"
#include "graph/vulkan/parts.h"
#include "kernels/attention/rotation.h"

namespace runnel::vulkan {
namespace {

enum : uint32_t { kSlot, kHeads, kScale };

struct Push {
  VkDeviceAddress q, y, step, pages, partials;
  uint32_t q_stride, y_stride;
  uint32_t heads, kv_heads, window, page_shift;
  uint32_t key_offset, key_head_words, value_offset, value_head_words;
  uint32_t parts, first_head;
  float scale, rotation;
};

const char* refuses(const CpuCall&, const KvLayout& kv) noexcept {
  for (const KvSlotLayout& slot : kv.slots) {
    if (std::max(slot.keys.offset, slot.values.offset) / 4 > UINT32_MAX / 2) return "KV pages are too large";
  }
  return nullptr;
}

// Keys and values by one dispatch where one shader writes both types, else each by its own.
Status record_store(const CpuCall& call, Push push, uint32_t head_dim, const KvTypes& types,
                    Recorder& recorder) noexcept {
  const uint32_t tokens = call.in[0].rows, threads = recorder.tuning().row_threads;
  if (tokens == 0) return {};
  const Constants constants = {
      {threads, static_cast<uint32_t>(types.keys), static_cast<uint32_t>(types.values), head_dim}};
  for (const bool quantised : {false, true}) {
    const bool keys = is_quantised(types.keys) == quantised, values = is_quantised(types.values) == quantised;
    const uint32_t heads = push.kv_heads * ((keys ? 1 : 0) + (values ? 1 : 0));
    if (heads == 0) continue;
    push.first_head = keys ? 0 : push.kv_heads;
    if (quantised) {  // a step of n tokens lies in at most so many fours, wherever it begins
      RUNNEL_TRY(recorder.dispatch(Shader::kv_quantize, constants, push, (tokens + 2) / 4 + 1, heads, 1, Load::little));
      continue;
    }
    const bool wide = (keys && types.keys == KvType::f32) || (values && types.values == KvType::f32);
    const uint32_t words = wide ? kKvBlock * head_dim : kKvBlock / 2 * head_dim;
    RUNNEL_TRY(recorder.dispatch(Shader::kv_store, constants, push, groups(words, threads), heads,
                                 (tokens + 14) / kKvBlock + 1, Load::little));
  }
  return {};
}

// Rows of a work group share what they read of keys and values; their queries and weights share 16 KiB.
constexpr uint32_t most_rows(uint32_t head_dim) noexcept { return head_dim <= 256 ? 8 : 4; }

Status record_attend(Push push, uint32_t tokens, uint32_t head_dim, Recorder& recorder) noexcept {
  const KvTypes& types = recorder.kv().types;
  const uint32_t threads = recorder.tuning().attention_threads;
  const uint32_t rows = tokens * (push.heads / push.kv_heads), most = most_rows(head_dim);
  const uint32_t tile = rows <= 4 ? rows : most;  // each other size would be one more pipeline
  const auto constants = [&](bool split) noexcept {
    return Constants{{threads, static_cast<uint32_t>(types.keys), static_cast<uint32_t>(types.values), head_dim, tile,
                      static_cast<uint32_t>(split)}};
  };
  if (rows == 0) return {};
  if (!splits_attention(tokens, push.window, recorder.step()))
    return recorder.dispatch(Shader::attention, constants(false), push, groups(rows, tile), push.kv_heads);
  push.partials = recorder.step().partials;
  push.parts = attention_parts(static_cast<uint32_t>(std::min<uint64_t>(recorder.keys(), UINT32_MAX)));
  RUNNEL_TRY(
      recorder.dispatch(Shader::attention, constants(true), push, groups(rows, tile) * push.parts, push.kv_heads));
  const Constants merge = {{threads, static_cast<uint32_t>(types.keys), static_cast<uint32_t>(types.values), head_dim}};
  return recorder.dispatch(Shader::attention_merge, merge, push, push.heads, tokens, 1, Load::little);
}

Status record(const DeviceNode& node, Recorder& recorder) noexcept {
  const CpuCall& call = *node.call;
  const KvLayout& kv = recorder.kv();
  const auto index = static_cast<size_t>(call.attrs[kSlot]);
  const KvSlotLayout& place = kv.slots[index];
  const StateSlot& slot = recorder.slot(index);
  const uint32_t head_dim = slot.head_dim;
  const auto words = [](uint64_t bytes) { return static_cast<uint32_t>(bytes / sizeof(uint32_t)); };
  Push push = {};
  push.q = node.in[1];
  push.y = node.in[2];
  push.step = recorder.step().step;
  push.pages = recorder.step().pages[place.group];
  push.q_stride = stride_of(call.in[1]);
  push.y_stride = stride_of(call.in[2]);
  push.heads = static_cast<uint32_t>(call.attrs[kHeads]);
  push.kv_heads = slot.kv_heads;
  push.window = slot.window;
  push.page_shift = kv.groups.page_shift;
  push.key_offset = words(place.keys.offset);
  push.key_head_words = words(place.keys.head_stride);
  push.value_offset = words(place.values.offset);
  push.value_head_words = words(place.values.head_stride);
  push.scale = static_cast<float>(call.attrs[kScale]);
  push.rotation = 1.0f / std::sqrt(static_cast<float>(rotation_block(head_dim)));  // as scale_signs() has it
  RUNNEL_TRY(record_store(call, push, head_dim, kv.types, recorder));
  push.q = node.in[0];
  push.q_stride = stride_of(call.in[0]);
  push.y = node.out[0];
  push.y_stride = stride_of(call.out[0]);
  return record_attend(push, call.in[0].rows, head_dim, recorder);
}

}  // namespace

const VulkanOp vulkan_op_attention = {.op = &op_attention, .refuses = refuses, .record = record};

}  // namespace runnel::vulkan
