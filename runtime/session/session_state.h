// What a session owns: its tokens, page table, logits, sampler, and the request to stop.
//
// Invariant: tokens [0, computed_) have their keys and values in the pages; the rest of tokens_ waits. logits_valid_
// says that last_logits_ belong to the last token, and then nothing waits.
#pragma once

#include <atomic>

#include "runnel/session.h"
#include "runtime/kv/page_table.h"
#include "runtime/model/model_state.h"
#include "runtime/sampler/sampler.h"
#include "runtime/snapshot/writer.h"

namespace runnel {

class SnapshotFile;
class BackgroundPrefill;

class SessionState {
 public:
  SessionState(const Model& model, ModelState* shared) noexcept : model_(model), shared_(shared) {}
  ~SessionState();
  Status init(const SessionOptions& options) noexcept;
  // Makes this new session one like `other`, which was made with the same options.
  void share(const SessionState& other) noexcept;

  Status append(std::span<const int32_t> ids) noexcept;
  Status replace(std::span<const int32_t> ids) noexcept;
  Status truncate(uint32_t tokens) noexcept;
  Status score(std::span<const int32_t> ids, LogitsSink sink) noexcept;
  // Computes what waits, and the logits after the last token. Status: invalid_argument for an empty session.
  Status settle() noexcept;
  Result<int32_t> sample(const SamplerOptions& options) noexcept;
  Result<Generation> generate(const GenerateOptions& options, TextSink sink) noexcept;

  // `saved` (may be null) says what was written.
  Status save(const char* path, SnapshotSaved* saved) noexcept;
  Status restore(const char* path) noexcept;

  // The thread that prefills while its user types uses the session between a sync() and the next of these three. Sync:
  // statuses as Session::sync().
  Status sync(std::string_view text, const TokenizeOptions& options) noexcept;
  Status sync_chat(std::string_view messages_json, const ChatOptions& options) noexcept;
  void stop_background() noexcept;
  // Stops it; what went wrong there.
  Status take_over() noexcept;

  // Of that thread. Makes the tokens `ids` and computes nothing. Statuses: invalid_argument, context_full; the session
  // then holds the common beginning.
  Status set_tokens(std::span<const int32_t> ids) noexcept;
  // Whether something of tokens [0, end) is not computed, the logits after the last token among it.
  bool waits(uint32_t end) const noexcept;
  // Computes at most `most` of what waits, and says how many tokens; 0 when all were found computed by another session.
  Result<uint32_t> compute_slice(uint32_t end, uint32_t most, const std::atomic<bool>& stop) noexcept;

  void seed(uint64_t seed) noexcept { generator_ = Generator(seed); }
  void cancel() noexcept { cancel_.store(true, std::memory_order_relaxed); }
  bool take_cancel() noexcept { return cancel_.exchange(false, std::memory_order_relaxed); }

  std::span<const float> logits() const noexcept { return {last_logits_, vocab_size()}; }
  std::span<const int32_t> tokens() const noexcept { return tokens_; }
  uint32_t position() const noexcept { return static_cast<uint32_t>(tokens_.size()); }
  uint32_t context() const noexcept { return pages_.max_tokens(); }
  const Model& model() const noexcept { return model_; }
  const SessionOptions& options() const noexcept { return options_; }
  uint64_t forgotten_tokens() const noexcept { return forgotten_tokens_; }

  // Steps fill `profile` (of this model's graph, borrowed) until it is set to null again.
  void set_profile(StepProfile* profile) noexcept { profile_ = profile; }
  const ModelState& shared() const noexcept { return *shared_; }

  // Of one session, its share of the KV pages aside.
  static uint64_t private_bytes(const KvPlan& kv, const SnapshotKey& key, uint32_t context_tokens,
                                uint32_t logits_rows) noexcept;

 private:
  uint32_t vocab_size() const noexcept { return shared_->file().vocab_size(); }
  // Forgets what was computed if the device that held it was lost meanwhile.
  void follow_epoch() noexcept;
  Status check_ids(std::span<const int32_t> ids) const noexcept;
  // Has room for `more` tokens, by what the options say of a full session. Status: context_full.
  Status make_room(size_t more) noexcept;
  // Forgets at least `least` tokens after those to keep, half of them if that is more. False when there are not as
  // many.
  [[nodiscard]] bool slide(size_t least) noexcept;
  // Computes tokens [computed_, end), logits for the last one if asked for. `computed_` follows slice by slice.
  Status compute(uint32_t end, bool want_logits) noexcept;
  // Looks for tokens [computed_, end) that another session has computed.
  void find_computed(uint32_t end) noexcept;
  // Computes `count` tokens, their time counted as the prompt's.
  Status step(uint32_t count, std::span<const uint32_t> output_rows) noexcept;
  Status run_step(uint32_t count, std::span<const uint32_t> output_rows, const std::atomic<bool>& cancel) noexcept;
  // Back to `tokens` tokens of which at most `computed` are computed.
  void forget(uint32_t tokens) noexcept;
  // Checks all of a snapshot's parts besides its root and table, and changes nothing.
  Status check_snapshot(const SnapshotFile& file, const SnapshotRoot& root) noexcept;
  // Takes the state from a snapshot. Requires: the session is empty. On failure it is to be emptied again.
  Status load_snapshot(const SnapshotFile& file, const SnapshotRoot& root) noexcept;
  // Forgets all but the tokens with which `ids` begins too, and says how many those are.
  uint32_t keep_common(std::span<const int32_t> ids) noexcept;
  Status start_background() noexcept;
  void end_background() noexcept;
  void keep_pace(uint64_t last) const noexcept;

  Model model_;  // keeps shared_ alive
  ModelState* shared_;
  SessionOptions options_;
  bool entered_ = false;
  PageTable pages_;
  Array<int32_t> tokens_;  // capacity: the context
  uint32_t computed_ = 0;
  Array<float> logits_;          // capacity: rows * vocabulary
  Array<uint32_t> output_rows_;  // 0, 1, 2, ... for score()
  const float* last_logits_ = nullptr;
  bool logits_valid_ = false;
  uint32_t pages_epoch_ = 0;  // ModelState's when computed_ was last true
  Sampler sampler_;
  Generator generator_;
  std::atomic<bool> cancel_{false};
  SnapshotScratch snapshot_scratch_;
  Digest snapshot_name_;  // of the one saved or restored last: pages_ knows which blocks are still as it has them
  StepProfile* profile_ = nullptr;
  // Since the last generation: what computing its prompt took.
  uint64_t prefill_ns_ = 0;
  uint64_t prefill_tokens_ = 0;
  uint32_t reused_tokens_ = 0;
  uint64_t waited_ns_ = 0;  // for the background to stop
  uint64_t forgotten_tokens_ = 0;
  BackgroundPrefill* background_ = nullptr;  // owned; made by the first sync()
};

// What a session hides, for the runtime's own measuring.
SessionState& session_state(Session& session) noexcept;

}  // namespace runnel
