// A session: one sequence of tokens with its keys and values, and what generates from it.
//
//   runnel::Array<int32_t> ids;
//   model->tokenize("Once upon a time", {}, &ids);
//   session->append(ids);
//   session->generate({.max_tokens = 100}, [](std::string_view piece) { return fwrite(...), true; });
//
// A session holds tokens [0, position()). Tokens may be waiting: known, but not computed yet. They are computed when
// logits are next needed, so the last token of an answer costs nothing until the conversation goes on.
// Ownership: keeps its Model alive; owns its page table and buffers. After create() no step allocates.
// Thread rule: one thread at a time, but cancel() and clear_cancel() from any. Sessions of one model may be used by
// different threads; their steps take turns. After sync() a thread of the session's own works on it; every other call
// but cancel(), clear_cancel(), context() and model() first waits until that one has stopped, at its next layer.
#pragma once

#include <span>
#include <string_view>

#include "runnel/array.h"
#include "runnel/function_ref.h"
#include "runnel/model.h"
#include "runnel/options.h"
#include "runnel/status.h"

namespace runnel {

enum class FinishReason : uint8_t {
  end,           // the model produced an end-of-generation token
  stop,          // a stop string appeared
  length,        // max_tokens were generated
  context_full,  // no room for another token
  cancelled,     // cancel()
  callback,      // the sink returned false
};
// "end", "stop", "length", "context_full", "cancelled", "callback".
const char* finish_reason_name(FinishReason reason) noexcept;

struct GenerateOptions {
  uint32_t max_tokens = 0;  // 0: until the context is full
  SamplerOptions sampler = {};
  std::span<const std::string_view> stop = {};  // at most 16 of 1..256 bytes; never part of what the sink gets
  bool ignore_end = false;                      // end-of-generation tokens are generated over (benchmarks)
  bool show_special = false;                    // control tokens are spelled out in the text
  bool keep_generator = false;  // draws go on where the session's generator is; sampler.seed is not used
};

struct Generation {
  Array<int32_t> ids;  // generated, the end token included
  FinishReason finish = FinishReason::length;
  uint32_t prompt_tokens = 0;  // tokens in the session before the first generated one
  uint32_t reused_tokens =
      0;                     // of these, since the last generation: computed by another session, found and not computed
  double ttft_ms = 0;        // computing the prompt (append() calls since the last generation included) to the first id
  double prefill_tok_s = 0;  // prompt tokens computed in that time; 0 when none were
  double decode_tok_s = 0;   // over the tokens after the first; 0 when there is none
};

// Pieces are valid UTF-8, borrowed for the call. False stops the generation.
using TextSink = FunctionRef<bool(std::string_view piece)>;
// Row `index` (0 .. ids.size()) of the logits. False stops.
using LogitsSink = FunctionRef<bool(uint32_t index, std::span<const float> logits)>;

class SessionState;

class Session {
 public:
  // Statuses: invalid_argument (context longer than the model's plan), over_budget (more sessions than planned),
  // out_of_memory.
  static Result<Session> create(const Model& model, const SessionOptions& options = {}) noexcept;
  // Another session with the same tokens, options and generator, which goes its own way from here on. Keys and values
  // are shared until one of both writes over them. Statuses as create().
  Result<Session> fork() const noexcept;
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // Adds tokens and computes them (prefill), but for those at the beginning that another session has computed. On any
  // error the session is as it was before the call, but that WhenFull::slide may have made room. Statuses:
  // invalid_argument (an id out of range), context_full (with the numbers), cancelled, corrupt_file, internal.
  Status append(std::span<const int32_t> ids) noexcept;
  // tokenize() and append(). BOS is added only to an empty session. Also: out_of_memory.
  Status append_text(std::string_view text, const TokenizeOptions& options = {}) noexcept;
  // Makes the session's tokens `ids`, keeping what is computed of the common prefix. Statuses as append(); on error the
  // session holds the common prefix.
  Status replace(std::span<const int32_t> ids) noexcept;
  // Prefill while typing: follows a text that is being edited, so that an answer needs only what is new. Makes the
  // session hold the text (BOS included), like replace() of its ids, but returns at once: the text is tokenized and
  // computed behind, in slices that take about as long as one token, and a call with a newer text interrupts it at the
  // next layer. Any other call stops it and finds the session holding the newest text, all of it, some of it waiting to
  // be computed: generate() is what belongs on the Enter key. Texts are taken by copy.
  // Statuses: invalid_argument (OpenOptions::sync_sessions is 0), over_budget (so many sessions sync already),
  // unsupported (no tokenizer), out_of_memory. What goes wrong behind is returned by the next call that returns a
  // Status, which does nothing else then; replace(), restore() and sync() itself, which say anew what the session
  // holds, drop it. It can be context_full (a longer text than the context; WhenFull::slide does not apply), and what
  // append() returns; the session then holds what the text has in common with what it held before.
  Status sync(std::string_view text, const TokenizeOptions& options = {}) noexcept;
  // The same for a chat that ends with a message being typed: what tokenize_chat() makes of the messages. What the
  // template puts behind the message is computed when no change comes for a fifth of a second, or by the next call.
  // Also: invalid_argument (the JSON, or what the template raises) behind.
  Status sync_chat(std::string_view messages_json, const ChatOptions& options = {}) noexcept;
  // Forgets all but the first `tokens` tokens and gives their pages back. Status: invalid_argument (more than
  // position()).
  Status truncate(uint32_t tokens) noexcept;

  // Picks an id by the logits after the last token; the session keeps its generator's state between calls. Statuses:
  // invalid_argument (options, or an empty session), cancelled, internal (logits that are not numbers).
  Result<int32_t> sample(const SamplerOptions& options) noexcept;
  // sample() and append().
  Result<int32_t> next(const SamplerOptions& options) noexcept;
  // Starts the generator anew; generate() does so by itself with its sampler's seed.
  void seed(uint64_t seed) noexcept;

  // Generates until one of FinishReason. `sink` may be empty. Cancelling is not an error here: the result says so and
  // holds what was generated. Statuses: invalid_argument (options, or an empty session), corrupt_file, out_of_memory
  // (before the first token), internal.
  Result<Generation> generate(const GenerateOptions& options, TextSink sink = {}) noexcept;

  // Logits after the last token, vocab_size floats, borrowed until the next call on this session. Computes what waits;
  // statuses as append(), invalid_argument for an empty session.
  Result<std::span<const float>> logits() noexcept;
  // append(), handing out the logits after each of the ids, in order. Statuses as append(); when the sink stops, the
  // tokens so far stay.
  Status score(std::span<const int32_t> ids, LogitsSink sink) noexcept;

  // Writes the session (tokens, keys and values, logits, generator) to the snapshot `path`, for restore() by any
  // process. Whatever happens meanwhile, a kill or a power cut, the file is then either what it was before or the new
  // snapshot. Saving to a file that holds an earlier state of the session writes only what has changed since. Computes
  // nothing, and cancel() does not stop it. Another session that saves to the same path waits. Statuses:
  // invalid_argument (no path), io (with path and cause; no half-written file is left), out_of_memory.
  Status save(const char* path) noexcept;
  // Makes the session what save() wrote: it then continues with the very tokens that the saved one would have. The
  // session's model and its settings of keys, values, activations and float back end are those of the saved one;
  // context length, threads and steps may differ. The file is not needed afterwards, and may be saved to. On error the
  // session is as it was before. After all of the file was checked, two things can still leave it empty, and the
  // message says so: the file fails while it is loaded, or no KV page is left where sessions take them on demand.
  // Statuses: invalid_argument (no path), io, stale_snapshot (of another model, setting or version), corrupt_file (no
  // snapshot, or damaged), context_full (more tokens than this session's context, or no page left), out_of_memory.
  Status restore(const char* path) noexcept;

  // Stops the call in progress at the next layer, or the next call when none is. The call that returns `cancelled`
  // takes the request with it; clear_cancel() withdraws one that came too late.
  void cancel() noexcept;
  void clear_cancel() noexcept;

  std::span<const int32_t> tokens() const noexcept;  // all of them, borrowed until the next call
  uint32_t position() const noexcept;                // tokens().size()
  uint32_t context() const noexcept;                 // most tokens it can hold
  // Tokens that WhenFull::slide has forgotten so far: tokens() leaves them out.
  uint64_t forgotten_tokens() const noexcept;
  const Model& model() const noexcept;

 private:
  friend SessionState& session_state(Session& session) noexcept;
  explicit Session(SessionState* state) noexcept : state_(state) {}
  SessionState* state_ = nullptr;
};

}  // namespace runnel
