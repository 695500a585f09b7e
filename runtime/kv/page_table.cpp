#include "runtime/kv/page_table.h"

namespace runnel {

Status PageTable::init(PagePool* pool, uint32_t page_shift, uint32_t max_tokens) noexcept {
  const uint32_t wanted = pages_for(max_tokens, page_shift);
  if (!ids_.reserve(wanted) || !data_.reserve(wanted)) return out_of_memory("session", "its page table");
  if (!pool->reserve(wanted))
    return Status::error(
        Code::over_budget,
        "session: %u tokens of context need %u KV pages, %u of the planned %u are not promised to other "
        "sessions",
        max_tokens, wanted, pool->unreserved_pages(), pool->page_count());
  pool_ = pool;
  page_shift_ = page_shift;
  max_tokens_ = max_tokens;
  reserved_ = wanted;
  return {};
}

PageTable::~PageTable() {
  if (pool_ == nullptr) return;
  truncate(0);
  pool_->unreserve(reserved_);
}

Status PageTable::cover(uint32_t tokens) noexcept {
  if (tokens > max_tokens_)
    return Status::error(Code::context_full, "session: %u tokens do not fit the context of %u", tokens, max_tokens_);
  const uint32_t wanted = pages_for(tokens, page_shift_);
  const uint32_t before = page_count();
  while (page_count() < wanted) {
    const PageId page = pool_->acquire();
    if (page == kNoPage) {  // cannot be: a reservation stands behind every table
      while (page_count() > before) {
        pool_->release(ids_.back());
        ids_.truncate(ids_.size() - 1);
        data_.truncate(ids_.size());
      }
      return Status::error(Code::internal, "session: a reserved KV page is missing");
    }
    (void)ids_.push(page);  // room was reserved by init()
    (void)data_.push(pool_->data(page));
  }
  return {};
}

void PageTable::truncate(uint32_t tokens) noexcept {
  const uint32_t kept = pages_for(tokens, page_shift_);
  while (page_count() > kept) {
    pool_->release(ids_.back());
    ids_.truncate(ids_.size() - 1);
  }
  data_.truncate(ids_.size());
}

}  // namespace runnel
