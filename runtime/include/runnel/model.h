// A model: its file, mapped; its tokenizer and chat template; the plan; what its sessions share (workers, KV pages).
//
//   auto model = runnel::Model::open("shop.rnl", {.budget_bytes = 200u << 20});
//   if (!model.ok()) { puts(model.status().message()); return; }
//   auto session = runnel::Session::create(*model);
//
// Ownership: a Model is a handle; copies share one model, and each Session keeps its model alive. Thread rule: const
// members any thread; a handle is copied or destroyed like any value. Nothing here throws, aborts or exits.
#pragma once

#include <span>
#include <string_view>

#include "runnel/array.h"
#include "runnel/device.h"
#include "runnel/effort.h"
#include "runnel/function_ref.h"
#include "runnel/memory.h"
#include "runnel/options.h"
#include "runnel/plan.h"
#include "runnel/source.h"
#include "runnel/status.h"

namespace runnel {

class ModelState;
class Session;

// Text is borrowed from the model.
struct ModelInfo {
  std::string_view name;
  std::string_view architecture;
  std::string_view weights;      // "q4", "q8", "f16", "f32", "keep"
  std::string_view hash;         // SHA-256 of the header, 64 hex digits: the model's identity
  std::string_view fingerprint;  // 64 hex digits that change when the file is replaced or written to
  uint32_t vocab_size = 0;
  uint32_t trained_context = 0;
  uint64_t file_bytes = 0;  // all shards
  bool has_chat_template = false;
  std::string_view chat_template;  // source text
  int32_t bos_id = -1, eos_id = -1;
  std::span<const int32_t> end_ids;  // any of these ends a generation
  const char* isa = "";              // the kernels in use
  std::string_view device = "cpu";   // where steps run: the device's name
  std::string_view device_note;      // with DeviceUse::automatic: why it is the CPU
};

struct TokenizeOptions {
  bool add_special = true;    // BOS/EOS as the model wants them
  bool parse_special = true;  // text of control tokens becomes their id
};

struct ChatOptions {
  std::string_view tools_json = {};  // array, or empty for none
  std::string_view extra_json = {};  // object of further template variables, or empty
  bool add_generation_prompt = true;
  int64_t now_seconds = -1;  // Unix time that the template may print; -1: the clock
};

class Model {
 public:
  // Maps the file, verifies its header, plans, and reserves what the plan says. Statuses: invalid_argument, io,
  // corrupt_file, unsupported, over_budget (with the numbers), out_of_memory.
  static Result<Model> open(const char* path, const OpenOptions& options = {}) noexcept;
  // From slices of open files (assets of an app) or from memory; all else as from a path.
  static Result<Model> open(const ModelSource& source, const OpenOptions& options = {}) noexcept;

  Model(const Model& other) noexcept;
  Model(Model&& other) noexcept;
  Model& operator=(Model other) noexcept;
  ~Model();

  const ModelInfo& info() const noexcept;
  const MemoryPlan& plan() const noexcept;  // as reserved
  bool is_end(int32_t id) const noexcept;
  KvUsage kv_usage() const noexcept;
  // Where each kind of node runs, and why not on the device; empty without one. Any thread, also beside a step.
  // Borrowed from the model; rows once given stay as they are: when the device is lost, a call gives others.
  std::span<const PlacementRow> placement() const noexcept;
  // For a warning of the system that memory is short. Sessions and generations in progress go on, any thread. Returns
  // how many bytes were given back or are free to be taken: of KV pages, and of weights that were in memory.
  uint64_t trim(TrimLevel level = TrimLevel::prefixes) const noexcept;
  // How much of the machine this model's steps take from now on, those of a generation in progress too; any thread.
  // Status: invalid_argument (a rate that is negative or no number); what was set before then stays.
  Status set_effort(const Effort& effort) const noexcept;

  // Text to ids, appended to *ids. Statuses: invalid_argument (longer than 2^31 - 1 bytes), unsupported (the model has
  // no tokenizer), out_of_memory.
  Status tokenize(std::string_view text, const TokenizeOptions& options, Array<int32_t>* ids) const noexcept;
  // Ids to text, appended to *text; bytes that are not UTF-8 are kept. `special`: control tokens are spelled out.
  // Statuses: invalid_argument (an id out of range), unsupported (no tokenizer), out_of_memory.
  Status detokenize(std::span<const int32_t> ids, bool special, Array<char>* text) const noexcept;
  // The bytes that one token adds to a text. Borrowed from the model.
  Result<std::string_view> piece(int32_t id, bool special = false) const noexcept;

  // Renders an array of {"role", "content"} by the model's chat template, appended to *text. Statuses: unsupported (the
  // model has no template), invalid_argument (the JSON, or what the template raised), out_of_memory.
  Status render_chat(std::string_view messages_json, const ChatOptions& options, Array<char>* text) const noexcept;
  // The same, as ids: control tokens that the template writes become their ids, while the same text inside a message
  // stays text, so that a message cannot end its own turn.
  Status tokenize_chat(std::string_view messages_json, const ChatOptions& options, Array<int32_t>* ids) const noexcept;

  // Compares every checksum of the file. `progress` (may be empty) gets bytes done and in all. Status: corrupt_file
  // names the place.
  Status verify(FunctionRef<void(uint64_t done, uint64_t total)> progress = {}) const noexcept;
  // Waits until the checksums of all weights used so far were compared (Verify::lazy does that behind their use).
  // Status: corrupt_file names the place.
  Status settle() const noexcept;
  // Every weight was found whole, now or when its fingerprint was trusted.
  bool verified() const noexcept;

 private:
  friend class Session;
  explicit Model(ModelState* state) noexcept : state_(state) {}
  ModelState* state_ = nullptr;  // reference counted; null after a move
};

}  // namespace runnel
