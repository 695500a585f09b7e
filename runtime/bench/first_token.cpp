#include "runtime/bench/first_token.h"

#include "kernels/base/clock.h"
#include "runtime/bench/bench_prompt.h"

namespace runnel {

Result<FirstToken> time_first_token(const char* path, const OpenOptions& options) noexcept {
  const auto milliseconds_since = [](uint64_t start_ns) { return static_cast<double>(now_ns() - start_ns) * 1e-6; };
  FirstToken result;
  const uint64_t start = now_ns();
  RUNNEL_ASSIGN(const Model model, Model::open(path, options));
  RUNNEL_ASSIGN(Session session, Session::create(model));
  result.open_ms = milliseconds_since(start);
  Array<int32_t> ids;
  RUNNEL_TRY(random_ids(kFirstTokenPrompt, model.info().vocab_size, 3, &ids));
  RUNNEL_TRY(session.append(ids));
  RUNNEL_TRY(session.sample({}).status());
  result.total_ms = milliseconds_since(start);
  return result;
}

}  // namespace runnel
