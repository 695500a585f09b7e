// Saving a session and going on with a saved one.
#include <algorithm>
#include <cstring>

#include "runtime/session/session_state.h"
#include "runtime/snapshot/reader.h"

namespace runnel {
namespace {

Status bad_token() noexcept {
  return Status::error(Code::corrupt_file, "it has a token that is not in the vocabulary");
}

template <class T>
std::span<uint8_t> bytes_of(T* values, size_t count) noexcept {
  return {reinterpret_cast<uint8_t*>(values), count * sizeof(T)};
}

}  // namespace

Status SessionState::save(const char* path, SnapshotSaved* saved) noexcept {
  if (path == nullptr) return Status::error(Code::invalid_argument, "snapshot: no path to save to");
  follow_epoch();
  SnapshotContent content;
  content.key = &shared_->snapshot_key();
  content.tokens = tokens_;
  content.computed = computed_;
  content.forgotten = forgotten_tokens_;
  if (logits_valid_) content.logits = logits();
  std::copy_n(generator_.state(), 4, content.generator);
  const auto page = [&](uint32_t group, uint32_t block) -> const uint8_t* { return pages_.pages()[group][block]; };
  content.page = page;
  content.known_name = snapshot_name_;
  content.known_blocks = pages_.unchanged_blocks();
  RUNNEL_ASSIGN(const SnapshotSaved done, save_snapshot(path, content, &snapshot_scratch_));
  snapshot_name_ = done.name;
  pages_.mark_unchanged();
  if (saved != nullptr) *saved = done;
  return {};
}

Status SessionState::check_snapshot(const SnapshotFile& file, const SnapshotRoot& root) noexcept {
  bool good = true;
  RUNNEL_TRY(visit_extent(file, root.token_ids, "its tokens", [&](std::span<const uint8_t> piece) {
    for (size_t i = 0; i < piece.size(); i += sizeof(uint32_t)) {
      uint32_t id;
      std::memcpy(&id, piece.data() + i, sizeof id);
      good = good && id < vocab_size();
    }
  }));
  if (!good) return bad_token();
  RUNNEL_TRY(visit_extent(file, root.logits, "its logits", {}));
  return check_pages(file, root, snapshot_scratch_.table);
}

Status SessionState::load_snapshot(const SnapshotFile& file, const SnapshotRoot& root) noexcept {
  (void)tokens_.resize(root.tokens);  // within the capacity
  RUNNEL_TRY(read_extent(file, root.token_ids, "its tokens", bytes_of(tokens_.data(), tokens_.size())));
  for (const int32_t id : tokens_) {
    if (id < 0 || static_cast<uint32_t>(id) >= vocab_size()) return bad_token();
  }
  if (root.logits.bytes != 0)
    RUNNEL_TRY(read_extent(file, root.logits, "its logits", bytes_of(logits_.data(), vocab_size())));
  RUNNEL_TRY(read_pages(file, root, snapshot_scratch_.table, &pages_));
  computed_ = root.computed;
  last_logits_ = logits_.data();
  logits_valid_ = root.logits.bytes != 0;
  generator_.set_state(root.generator);
  forgotten_tokens_ = root.forgotten;
  prefill_ns_ = 0;
  prefill_tokens_ = 0;
  reused_tokens_ = 0;
  pages_.commit(tokens().first(computed_));
  return {};
}

Status SessionState::restore(const char* path) noexcept {
  follow_epoch();
  if (path == nullptr) return Status::error(Code::invalid_argument, "snapshot: no path to restore from");
  const auto loaded = [&]() -> Status {
    RUNNEL_ASSIGN(const SnapshotFile file, SnapshotFile::open(path, SnapshotFile::Use::read));
    SnapshotRoot root;
    Digest name;
    RUNNEL_TRY(read_root(file, shared_->snapshot_key(), &root, &name));
    if (root.tokens > context())
      return Status::error(Code::context_full, "its %u tokens do not fit the context of %u", root.tokens, context());
    RUNNEL_TRY(read_table(file, root, &snapshot_scratch_.table));
    // A session that holds something gives it up only for what is known to be whole.
    const bool was_empty = position() == 0;
    if (!was_empty) RUNNEL_TRY(check_snapshot(file, root));
    forget(0);
    Status status = load_snapshot(file, root);
    if (!status.ok()) {
      forget(0);
      return was_empty ? std::move(status) : std::move(status).with_context("the session is empty now");
    }
    snapshot_name_ = name;
    return {};
  };
  return loaded().with_context("snapshot: %s", path);
}

}  // namespace runnel
