// What a host says when it opens a model: the memory it grants, the context it wants, the threads it lends.
#pragma once

#include <stdint.h>

#include "runnel/types.h"

namespace runnel {

struct BackEnd;  // runnel/vulkan.h

// What open() does when a back end is named.
enum class DeviceUse : uint8_t {
  required,   // no usable device: unsupported, with the reason
  automatic,  // the CPU where no GPU can be used, where it does not fit the budget, or where a step's time says that
              // the CPU is faster (measured once for a model and driver); ModelInfo::device_note says which
};

enum class WeightsMode : uint8_t {
  automatic,  // mapped when the machine can hold the file beside the budget, else streamed
  mapped,     // pages of the file, shared with the system's cache; no copy, and not in the budget
  resident,   // a private copy, read at open and locked where the system allows: always there, wholly in the budget
  streamed,   // read from the file as a step goes, but for the part that the budget has room for: for a model larger
              // than the memory
};

struct OpenOptions {
  // Most private bytes that the model and its sessions may take; open() refuses what does not fit. 0: what the machine
  // has free (memory limits of the process' control group count), less the weights.
  uint64_t budget_bytes = 0;
  // Tokens a session can hold. 0: the longest that fits the budget, up to what the model was trained for. An explicit
  // one that does not fit is refused with the numbers.
  uint32_t context_tokens = 0;
  uint32_t sessions = 1;  // sessions that can be open at the same time, 1..1024
  // Of these, how many may follow a text while it is typed (Session::sync()) at the same time: each has a thread, whose
  // stack is planned for.
  uint32_t sync_sessions = 0;
  // Tokens that all sessions hold together, those that several share counted once. 0: sessions * context_tokens, so
  // that each has its room for certain. Less: sessions take KV pages as they need them, and a call for which none is
  // left says context_full.
  uint64_t kv_tokens = 0;
  // Sessions find keys and values of a common beginning that another one, open or closed, has computed.
  bool share_prefixes = true;
  uint32_t threads = 0;          // threads of a step, the caller's included; 0: recommended for this machine; 1..256
  uint32_t max_step_tokens = 0;  // longest slice of a prompt computed at once; 0: 512
  uint32_t max_logits_rows =
      1;                      // rows of logits one step can give; more than 1 makes score() faster, at vocab * 4 bytes
  const char* isa = nullptr;  // "scalar", "avx2", ...: lowers the choice of kernels; null: the best of this CPU
  Verify verify = Verify::lazy;
  // ModelInfo::fingerprint of a file whose weights were all found whole, zero-terminated; null: none. While the file
  // still has it, its weights are not hashed again.
  const char* trusted_fingerprint = nullptr;
  KvTypes kv = KvType::f16;  // or KvTypes(keys, values)
  WeightsMode weights_mode = WeightsMode::automatic;
  FloatBackend float_backend = FloatBackend::own;
  // On a device: q8 where its driver has integer dot products, automatic where it also says that they are fast, floats
  // for all else.
  Activations activations = Activations::automatic;
  // Where to compute. Null: the CPU. With a device, weights are mapped, and those that it reads are copied to its
  // memory, which counts like all other; what it cannot run runs on the CPU (Model::placement()).
  const BackEnd* back_end = nullptr;
  DeviceUse device_use = DeviceUse::required;
  const char* device = "";  // an index, the first digits (8 or more) of a uuid, or "" for the best one
  // About how long a device computes before it is asked again whether to stop, 1..1000; 0: 8. Longer costs a cancel,
  // and whoever draws on the same device, their patience; shorter costs speed. Never changes a result.
  uint32_t submission_ms = 0;
  // A folder that exists, where compiled pipelines and what tests of a driver found are kept; null: nothing is kept,
  // and each open() compiles and tests again.
  const char* cache_folder = nullptr;
};

// What happens when a session has no room for another token.
enum class WhenFull : uint8_t {
  refuse,  // context_full; a generation ends with that reason
  // The oldest tokens but the first keep_tokens are forgotten, half of them at a time, and the rest is computed again,
  // as a new text that leaves a part out: what follows is what the model says to that text, no approximation. Costs
  // a prompt of half the context each time.
  slide,
};

struct SessionOptions {
  uint32_t context_tokens = 0;  // 0: the model's (Model::plan().context_tokens); never more than that
  WhenFull when_full = WhenFull::refuse;
  // First tokens that slide keeps: a system prompt's length, or a few, which models lean on whatever they say
  // ("attention sinks": Xiao et al., "Efficient Streaming Language Models with Attention Sinks", 2023).
  uint32_t keep_tokens = 4;
};

// How the next token is picked. With temperature 0 it is the likeliest one, and only the penalties matter.
// Order: penalties, top_k, temperature, top_p, min_p, draw.
struct SamplerOptions {
  float temperature = 0.0f;         // >= 0
  uint32_t top_k = 0;               // keep the k likeliest; 0: all
  float top_p = 1.0f;               // keep the likeliest whose probabilities reach this sum, (0, 1]
  float min_p = 0.0f;               // keep those at least this share of the likeliest one's probability, [0, 1]
  float repetition_penalty = 1.0f;  // > 0; tokens seen before: positive logits are divided by it, others multiplied
  float presence_penalty = 0.0f;    // subtracted once from the logit of a token seen before
  float frequency_penalty = 0.0f;   // subtracted for each time it was seen
  uint32_t penalty_tokens = 64;     // how many of the last tokens count as seen, at most 4096
  uint64_t seed = 0;                // same seed, same text
};

}  // namespace runnel
