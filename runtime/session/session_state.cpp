#include "runtime/session/session_state.h"

#include <algorithm>

#include "kernels/base/clock.h"
#include "runtime/model/planner.h"

namespace runnel {

uint64_t SessionState::private_bytes(const KvPlan& kv, const SnapshotKey& key, uint32_t context_tokens,
                                     uint32_t logits_rows) noexcept {
  return sizeof(SessionState) + uint64_t{context_tokens} * sizeof(int32_t) +
         PageTable::table_bytes(kv, context_tokens) +
         uint64_t{logits_rows} * (uint64_t{key.vocab_size} * sizeof(float) + sizeof(uint32_t)) +
         Sampler::scratch_bytes(key.vocab_size) + SnapshotScratch::bytes(key, context_tokens);
}

SessionState::~SessionState() {
  end_background();
  if (entered_) shared_->leave_session();
}

Status SessionState::init(const SessionOptions& options) noexcept {
  const MemoryPlan& plan = shared_->plan();
  const uint32_t context_tokens = options.context_tokens;
  if (options.when_full > WhenFull::slide)
    return Status::error(Code::invalid_argument, "session: when_full is %u, expected 0 or 1",
                         static_cast<unsigned>(options.when_full));
  if (context_tokens > plan.context_tokens)
    return Status::error(Code::invalid_argument, "session: a context of %u tokens, the model was opened for %u",
                         context_tokens, plan.context_tokens);
  if (!shared_->enter_session())
    return Status::error(Code::over_budget, "session: the model was opened for %u session(s), which are all in use",
                         plan.sessions);
  entered_ = true;
  options_ = options;
  pages_epoch_ = shared_->pages_epoch();
  const uint32_t context = context_tokens != 0 ? context_tokens : plan.context_tokens;
  const uint32_t rows = shared_->max_logits_rows();
  RUNNEL_TRY(pages_.init(&shared_->kv(), context));
  RUNNEL_TRY(sampler_.init(vocab_size()));
  RUNNEL_TRY(snapshot_scratch_.init(shared_->snapshot_key(), context));
  // Logits are reserved only: rows that are never used are never touched. The first is written by every step.
  if (!tokens_.reserve_backed(context) || !logits_.reserve(size_t{rows} * vocab_size()) || !output_rows_.resize(rows))
    return out_of_memory("session", "its tokens and logits");
  for (uint32_t i = 0; i < rows; ++i) output_rows_[i] = i;
  last_logits_ = logits_.data();
  return {};
}

void SessionState::share(const SessionState& other) noexcept {
  (void)tokens_.append(other.tokens());  // both have the same capacity
  computed_ = other.computed_;
  pages_.share(other.pages_, computed_);
  if (other.logits_valid_) {
    std::copy_n(other.last_logits_, vocab_size(), logits_.data());
    last_logits_ = logits_.data();
    logits_valid_ = true;
  }
  pages_epoch_ = other.pages_epoch_;
  generator_ = other.generator_;
  forgotten_tokens_ = other.forgotten_tokens_;
}

Status SessionState::make_room(size_t more) noexcept {
  const size_t room = context() - position();
  if (more <= room || (options_.when_full == WhenFull::slide && slide(more - room))) return {};
  return Status::error(Code::context_full, "session: %u tokens are held, %zu more do not fit the context of %u",
                       position(), more, context());
}

bool SessionState::slide(size_t least) noexcept {
  const uint32_t kept = std::min(options_.keep_tokens, position());
  const uint32_t rest = position() - kept;
  if (least > rest) return false;
  const auto gone = static_cast<uint32_t>(std::max<size_t>(least, rest / 2));
  std::copy(tokens_.begin() + kept + gone, tokens_.end(), tokens_.begin() + kept);
  tokens_.truncate(position() - gone);
  computed_ = pages_.truncate(std::min(computed_, kept));
  logits_valid_ = false;
  forgotten_tokens_ += gone;
  return true;
}

void SessionState::forget(uint32_t tokens) noexcept {
  if (tokens < position()) logits_valid_ = false;
  tokens_.truncate(tokens);
  computed_ = pages_.truncate(std::min(computed_, tokens));
}

void SessionState::follow_epoch() noexcept {
  const uint32_t epoch = shared_->pages_epoch();
  if (epoch == pages_epoch_) return;
  pages_epoch_ = epoch;
  computed_ = pages_.truncate(0);
  logits_valid_ = false;
}

Status SessionState::run_step(uint32_t count, std::span<const uint32_t> output_rows,
                              const std::atomic<bool>& cancel) noexcept {
  if (shared_->pages_epoch() != pages_epoch_)  // between the caller's look and this one
    return Status::error(Code::device_lost, "session: the device was lost; the next call goes on with the CPU");
  RUNNEL_TRY(pages_.cover(computed_, computed_ + count));
  logits_valid_ = false;
  RUNNEL_TRY(shared_->run_step({.ids = {tokens_.data() + computed_, count},
                                .first_position = computed_,
                                .pages = pages_.pages(),
                                .output_rows = output_rows,
                                .logits = logits_.data(),
                                .cancel = &cancel,
                                .profile = profile_}));
  computed_ += count;
  pages_.commit(tokens().first(computed_));
  return {};
}

Status SessionState::step(uint32_t count, std::span<const uint32_t> output_rows) noexcept {
  const uint64_t before = now_ns();
  Status status = run_step(count, output_rows, cancel_);
  if (status.ok()) {
    prefill_ns_ += now_ns() - before;
    prefill_tokens_ += count;
  }
  if (status.code() == Code::cancelled) (void)take_cancel();
  return status;
}

void SessionState::find_computed(uint32_t end) noexcept {
  if (computed_ >= end) return;
  const std::lock_guard no_step(shared_->step_mutex());
  const uint32_t adopted = pages_.adopt(tokens_, computed_, end);
  if (adopted > computed_) reused_tokens_ += adopted - computed_;
  computed_ = adopted;
}

Status SessionState::compute(uint32_t end, bool want_logits) noexcept {
  follow_epoch();
  const uint32_t longest = shared_->plan().max_step_tokens;
  // The logits after the last token are in no page: it is always computed.
  find_computed(want_logits ? end - 1 : end);
  while (computed_ < end) {
    const uint32_t count = std::min(longest, end - computed_);
    const bool last = computed_ + count == end;
    const uint32_t row = count - 1;
    RUNNEL_TRY(step(count, last && want_logits ? std::span(&row, 1) : std::span<const uint32_t>()));
  }
  if (want_logits) {
    last_logits_ = logits_.data();
    logits_valid_ = true;
  }
  return {};
}

Status SessionState::check_ids(std::span<const int32_t> ids) const noexcept {
  for (const int32_t id : ids) {
    if (id < 0 || static_cast<uint32_t>(id) >= vocab_size())
      return Status::error(Code::invalid_argument, "session: token id %d is not in the vocabulary of %u", id,
                           vocab_size());
  }
  return {};
}

Status SessionState::append(std::span<const int32_t> ids) noexcept {
  if (ids.empty()) return {};
  RUNNEL_TRY(check_ids(ids));
  RUNNEL_TRY(make_room(ids.size()));
  const uint32_t before = position();
  (void)tokens_.append(ids);  // within the capacity, see make_room()
  Status status = compute(position(), true);
  if (!status.ok()) forget(before);
  return status;
}

uint32_t SessionState::keep_common(std::span<const int32_t> ids) noexcept {
  uint32_t common = 0;
  while (common < position() && common < ids.size() && tokens_[common] == ids[common]) ++common;
  forget(common);
  return common;
}

Status SessionState::replace(std::span<const int32_t> ids) noexcept { return append(ids.subspan(keep_common(ids))); }

Status SessionState::truncate(uint32_t tokens) noexcept {
  if (tokens > position())
    return Status::error(Code::invalid_argument, "session: cannot keep %u tokens, %u are held", tokens, position());
  forget(tokens);
  return {};
}

Status SessionState::settle() noexcept {
  if (position() == 0) return Status::error(Code::invalid_argument, "session: it is empty, append a prompt first");
  follow_epoch();
  if (logits_valid_) return {};
  // The last token may be computed already, its logits overwritten or never asked for: it is computed again.
  computed_ = std::min(computed_, position() - 1);
  return compute(position(), true);
}

Status SessionState::score(std::span<const int32_t> ids, LogitsSink sink) noexcept {
  RUNNEL_TRY(check_ids(ids));
  if (ids.empty()) return {};
  RUNNEL_TRY(make_room(ids.size()));
  RUNNEL_TRY(compute(position(), false));
  const uint32_t before = position();
  const uint32_t rows = std::min(shared_->max_logits_rows(), shared_->plan().max_step_tokens);
  for (uint32_t done = 0; done < ids.size();) {
    const uint32_t count = std::min<uint32_t>(rows, static_cast<uint32_t>(ids.size()) - done);
    (void)tokens_.append(ids.subspan(done, count));  // within the capacity, see make_room()
    if (Status status = step(count, {output_rows_.data(), count}); !status.ok()) {
      forget(before);
      return status;
    }
    last_logits_ = logits_.data() + size_t{count - 1} * vocab_size();
    logits_valid_ = true;
    for (uint32_t row = 0; row < count; ++row) {
      if (sink && !sink(done + row, {logits_.data() + size_t{row} * vocab_size(), vocab_size()})) return {};
    }
    done += count;
  }
  return {};
}

Result<int32_t> SessionState::sample(const SamplerOptions& options) noexcept {
  RUNNEL_TRY(check_sampler_options(options));
  RUNNEL_TRY(settle());
  return sampler_.pick(logits(), tokens_, options, &generator_);
}

}  // namespace runnel
