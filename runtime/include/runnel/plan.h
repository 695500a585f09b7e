// The memory plan: what a model and its sessions will take, in bytes by class, known from the file's header alone.
#pragma once

#include <stdint.h>

#include "runnel/options.h"
#include "runnel/source.h"
#include "runnel/status.h"

namespace runnel {

struct MemoryClass {
  const char* name = "";  // "weights", "kv", "activations", ...: stable names, static storage
  uint64_t bytes = 0;
  bool is_private = false;  // charged to the budget; otherwise clean pages of the file that the system can drop
};

struct MemoryPlan {
  static constexpr uint32_t kMaxClasses = 16;
  MemoryClass classes[kMaxClasses];
  uint32_t class_count = 0;

  uint64_t private_bytes = 0;  // of all sessions
  uint64_t mapped_bytes = 0;
  uint64_t total_bytes = 0;   // private + mapped
  uint64_t budget_bytes = 0;  // as given, or what was found to be free
  bool budget_given = false;

  uint32_t context_tokens = 0;  // of each session: as asked for, or the longest that fits
  uint32_t sessions = 0;
  uint32_t sync_sessions = 0;
  uint32_t trained_context = 0;
  uint32_t max_context = 0;   // longest that fits the budget with this many sessions, up to trained_context; may be 0
  uint32_t max_sessions = 0;  // most sessions of context_tokens that fit the budget; may be 0
  uint32_t threads = 0;
  uint32_t max_step_tokens = 0;
  // How weights reach memory, never `automatic`; why, in words; and what of them each step reads from the file.
  WeightsMode weights_mode = WeightsMode::mapped;
  bool weights_locked = false;  // resident ones: the system keeps them from being swapped
  uint64_t streamed_bytes = 0;
  char weights_note[320] = {};   // zero-terminated
  KvTypes kv;                    // how keys and values are stored
  const char* kv_why = "";       // why not as asked; empty where it is
  const char* context_why = "";  // how context_tokens was chosen; static storage, as all text here
  const char* step_why = "";     // how max_step_tokens was
  const char* over_class = "";   // when it does not fit: the first private class that has no room, those before it have
  bool fits = false;             // private_bytes <= budget_bytes and context_tokens >= 1
};

// Reads and verifies the header of the model file, touches no weight but, with a back end, the first page of them:
// whether its device can read them in place. A plan that does not fit is not an error here. Statuses: invalid_argument,
// io, corrupt_file, unsupported, out_of_memory.
Result<MemoryPlan> plan_model(const char* path, const OpenOptions& options = {}) noexcept;
Result<MemoryPlan> plan_model(const ModelSource& source, const OpenOptions& options = {}) noexcept;

}  // namespace runnel
