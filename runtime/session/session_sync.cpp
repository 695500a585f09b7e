// A session that follows a text while it is being typed.
#include <algorithm>
#include <new>

#include "kernels/base/clock.h"
#include "kernels/base/memory.h"
#include "runtime/session/background_prefill.h"
#include "runtime/session/session_state.h"

namespace runnel {

Status SessionState::start_background() noexcept {
  if (background_ != nullptr) return {};
  if (!shared_->enter_sync()) {
    const uint32_t planned = shared_->plan().sync_sessions;
    return planned == 0
               ? Status::error(Code::invalid_argument, "sync: the model was opened without sync_sessions")
               : Status::error(Code::over_budget, "sync: the model was opened for %u session(s) that sync", planned);
  }
  void* memory = allocate(sizeof(BackgroundPrefill), alignof(BackgroundPrefill));
  if (memory != nullptr) {
    background_ = new (memory) BackgroundPrefill(*this);
    if (background_->start()) return {};
    end_background();
  } else {
    shared_->leave_sync();
  }
  return out_of_memory("sync", "its thread");
}

void SessionState::end_background() noexcept {
  if (background_ == nullptr) return;
  background_->~BackgroundPrefill();
  release(std::exchange(background_, nullptr));
  shared_->leave_sync();
}

Status SessionState::sync(std::string_view text, const TokenizeOptions& options) noexcept {
  if (shared_->tokenizer() == nullptr)
    return Status::error(Code::unsupported, "sync: the model file has no tokenizer, only ids can be used");
  RUNNEL_TRY(start_background());
  waited_ns_ = 0;
  return background_->follow_text(text, options);
}

Status SessionState::sync_chat(std::string_view messages_json, const ChatOptions& options) noexcept {
  if (shared_->tokenizer() == nullptr)
    return Status::error(Code::unsupported, "sync: the model file has no tokenizer, only ids can be used");
  RUNNEL_TRY(shared_->chat_template().status());
  RUNNEL_TRY(start_background());
  waited_ns_ = 0;
  return background_->follow_chat(messages_json, options);
}

void SessionState::stop_background() noexcept {
  if (background_ == nullptr) return;
  const uint64_t before = now_ns();
  background_->stop();
  waited_ns_ += now_ns() - before;
}

Status SessionState::take_over() noexcept {
  stop_background();
  return background_ == nullptr ? Status() : background_->take_error();
}

Status SessionState::set_tokens(std::span<const int32_t> ids) noexcept {
  RUNNEL_TRY(check_ids(ids));
  const uint32_t common = keep_common(ids);
  if (ids.size() > context())
    return Status::error(Code::context_full, "sync: %zu tokens do not fit the context of %u", ids.size(), context());
  if (ids.size() == common) return {};
  (void)tokens_.append(ids.subspan(common));  // within the capacity
  logits_valid_ = false;
  return {};
}

bool SessionState::waits(uint32_t end) const noexcept {
  return computed_ < end || (end == position() && end != 0 && !logits_valid_);
}

Result<uint32_t> SessionState::compute_slice(uint32_t end, uint32_t most, const std::atomic<bool>& stop) noexcept {
  follow_epoch();
  const bool all = end == position();
  if (all) computed_ = std::min(computed_, end - 1);
  find_computed(all ? end - 1 : end);
  const uint32_t count = std::min(most, end - computed_), row = count - 1;
  if (count == 0) return 0u;
  const bool last = all && computed_ + count == end;
  RUNNEL_TRY(run_step(count, last ? std::span(&row, 1) : std::span<const uint32_t>(), stop));
  if (last) {
    last_logits_ = logits_.data();
    logits_valid_ = true;
  }
  return count;
}

}  // namespace runnel
