// A sequence over a PageTable whose "keys and values" can be checked: a token's are a number that depends on it and on
// all tokens before, as in a model.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/kv/page_table.h"
#include "runtime/snapshot/reader.h"
#include "runtime/snapshot/writer.h"

namespace runnel::test {

// Pages of 2^page_shift numbers of 8 bytes.
inline KvGroups number_groups(uint32_t page_shift, const std::vector<uint32_t>& windows = {0}) {
  KvGroups groups;
  groups.page_shift = page_shift;
  for (const uint32_t window : windows) groups.groups[groups.count++] = {uint64_t{8} << page_shift, window};
  return groups;
}

class KvSequence {
 public:
  // `step` as in the cache's KvDemand.
  KvSequence(KvCache* cache, uint32_t max_tokens, uint32_t step) : cache_(cache), step_(step) {
    status_ = table_.init(cache, max_tokens);
  }
  const Status& status() const { return status_; }

  // As a session does it: whatever is found is not computed.
  Status append(const std::vector<int32_t>& ids) {
    const size_t before = tokens_.size();
    tokens_.insert(tokens_.end(), ids.begin(), ids.end());
    const auto end = static_cast<uint32_t>(tokens_.size());
    computed_ = table_.adopt(tokens_, computed_, end - 1);
    while (computed_ < end) {
      const uint32_t count = std::min(step_, end - computed_);
      if (Status status = table_.cover(computed_, computed_ + count); !status.ok()) {
        truncate(static_cast<uint32_t>(before));
        return status;
      }
      compute(computed_, computed_ + count);
    }
    return {};
  }
  // A step that was cancelled: pages are taken and written, and nothing comes of it.
  void fail_step(uint32_t count) {
    if (!table_.cover(computed_, computed_ + count).ok()) return;
    for (uint32_t t = computed_; t < computed_ + count; ++t) write(t, 0xbad);
  }
  void truncate(uint32_t tokens) {
    tokens_.resize(tokens);
    computed_ = table_.truncate(std::min(computed_, tokens));
  }
  // Computes the tokens that truncate() had to forget, as the next append would.
  Status settle() {
    const std::vector<int32_t> none;
    return tokens_.empty() ? Status() : append(none);
  }
  std::unique_ptr<KvSequence> fork() {
    auto copy = std::make_unique<KvSequence>(cache_, table_.max_tokens(), step_);
    if (!copy->status().ok()) return nullptr;
    copy->tokens_ = tokens_;
    copy->computed_ = computed_;
    copy->table_.share(table_, computed_);
    return copy;
  }

  // As a session does it.
  Status save(const std::string& path, SnapshotSaved* saved = nullptr) {
    const SnapshotKey key = snapshot_key();
    SnapshotContent content;
    content.key = &key;
    content.tokens = tokens_;
    content.computed = computed_;
    content.generator[0] = 1;
    const auto page = [&](uint32_t g, uint32_t block) -> const uint8_t* { return table_.pages()[g][block]; };
    content.page = page;
    content.known_name = snapshot_name_;
    content.known_blocks = table_.unchanged_blocks();
    SnapshotScratch scratch;
    RUNNEL_TRY(scratch.init(key, table_.max_tokens()));
    RUNNEL_ASSIGN(const SnapshotSaved done, save_snapshot(path.c_str(), content, &scratch));
    snapshot_name_ = done.name;
    table_.mark_unchanged();
    if (saved != nullptr) *saved = done;
    return {};
  }
  Status restore(const std::string& path) {
    RUNNEL_ASSIGN(const SnapshotFile file, SnapshotFile::open(path.c_str(), SnapshotFile::Use::read));
    SnapshotRoot root;
    RUNNEL_TRY(read_root(file, snapshot_key(), &root, &snapshot_name_));
    SnapshotScratch scratch;
    RUNNEL_TRY(scratch.init(root.key, table_.max_tokens()));
    RUNNEL_TRY(read_table(file, root, &scratch.table));
    truncate(0);
    tokens_.resize(root.tokens);
    RUNNEL_TRY(read_extent(file, root.token_ids, "tokens",
                           {reinterpret_cast<uint8_t*>(tokens_.data()), tokens_.size() * sizeof(int32_t)}));
    Status status = read_pages(file, root, scratch.table, &table_);
    if (!status.ok()) {
      truncate(0);
      return status;
    }
    computed_ = root.computed;
    table_.commit(std::span<const int32_t>(tokens_).first(computed_));
    return {};
  }

  // Whether everything that the last token and the next one see is as it must be.
  bool right() const {
    for (uint32_t g = 0; g < cache_->plan().group_count; ++g) {
      const uint32_t window = cache_->plan().groups[g].window;
      const uint32_t first = window == 0 || computed_ < window ? 0 : computed_ - window;
      uint64_t hash = 0;
      for (uint32_t t = 0; t < computed_; ++t) {
        hash = next_hash(hash, tokens_[t]);
        if (t >= first && read(g, t) != hash + g) return false;
      }
    }
    return true;
  }
  const std::vector<int32_t>& tokens() const { return tokens_; }
  uint32_t computed() const { return computed_; }
  uint32_t computed_tokens = 0;  // by this sequence, over its life
  PageTable& table() { return table_; }

 private:
  static uint64_t next_hash(uint64_t hash, int32_t token) {
    return (hash ^ static_cast<uint32_t>(token + 1)) * 0x9e3779b97f4a7c15u + 12345;
  }
  uint8_t* place(uint32_t group, uint32_t t) const {
    const uint32_t shift = cache_->plan().page_shift;
    return table_.pages()[group][t >> shift] + 8 * (t & ((1u << shift) - 1));
  }
  uint64_t read(uint32_t group, uint32_t t) const {
    uint64_t value = 0;
    std::memcpy(&value, place(group, t), sizeof value);
    return value;
  }
  void write(uint32_t t, uint64_t value) {
    for (uint32_t g = 0; g < cache_->plan().group_count; ++g) {
      const uint64_t own = value + g;
      std::memcpy(place(g, t), &own, sizeof own);
    }
  }
  void compute(uint32_t begin, uint32_t end) {
    uint64_t hash = 0;
    for (uint32_t t = 0; t < end; ++t) {
      hash = next_hash(hash, tokens_[t]);
      if (t >= begin) write(t, hash);
    }
    computed_tokens += end - begin;
    computed_ = end;
    table_.commit(std::span<const int32_t>(tokens_).first(end));
  }

  SnapshotKey snapshot_key() const {
    const KvPlan& plan = cache_->plan();
    SnapshotKey key;
    key.page_shift = plan.page_shift;
    key.vocab_size = 1000;
    key.group_count = plan.group_count;
    for (uint32_t g = 0; g < plan.group_count; ++g) key.groups[g] = {plan.groups[g].page_bytes, plan.groups[g].window};
    return key;
  }

  KvCache* cache_;
  uint32_t step_;
  Status status_;
  PageTable table_;
  std::vector<int32_t> tokens_;
  uint32_t computed_ = 0;
  Digest snapshot_name_;
};

inline std::vector<int32_t> number_ids(uint32_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> ids(count);
  for (int32_t& id : ids) id = static_cast<int32_t>(random() % 1000);
  return ids;
}

}  // namespace runnel::test
