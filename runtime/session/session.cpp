#include "runnel/session.h"

#include <new>

#include "kernels/base/memory.h"
#include "runtime/session/session_state.h"

namespace runnel {

Result<Session> Session::create(const Model& model, const SessionOptions& options) noexcept {
  void* memory = allocate(sizeof(SessionState), alignof(SessionState));
  if (memory == nullptr) return out_of_memory("session", "its state");
  Session session(new (memory) SessionState(model, model.state_));
  RUNNEL_TRY(session.state_->init(options));
  return session;
}

Result<Session> Session::fork() const noexcept {
  RUNNEL_TRY(state_->take_over());
  RUNNEL_ASSIGN(Session copy, create(model(), state_->options()));
  copy.state_->share(*state_);
  return copy;
}

Session::Session(Session&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Session& Session::operator=(Session&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Session::~Session() {
  if (state_ == nullptr) return;
  state_->~SessionState();
  release(state_);
}

SessionState& session_state(Session& session) noexcept { return *session.state_; }

Status Session::append(std::span<const int32_t> ids) noexcept {
  RUNNEL_TRY(state_->take_over());
  return state_->append(ids);
}

Status Session::append_text(std::string_view text, const TokenizeOptions& options) noexcept {
  RUNNEL_TRY(state_->take_over());
  TokenizeOptions own = options;
  own.add_special = options.add_special && state_->position() == 0;
  Array<int32_t> ids;
  RUNNEL_TRY(model().tokenize(text, own, &ids));
  return state_->append(ids);
}

Status Session::replace(std::span<const int32_t> ids) noexcept {
  (void)state_->take_over();
  return state_->replace(ids);
}

Status Session::sync(std::string_view text, const TokenizeOptions& options) noexcept {
  return state_->sync(text, options);
}

Status Session::sync_chat(std::string_view messages_json, const ChatOptions& options) noexcept {
  return state_->sync_chat(messages_json, options);
}

Status Session::truncate(uint32_t tokens) noexcept {
  RUNNEL_TRY(state_->take_over());
  return state_->truncate(tokens);
}

Result<int32_t> Session::sample(const SamplerOptions& options) noexcept {
  RUNNEL_TRY(state_->take_over());
  return state_->sample(options);
}

Result<int32_t> Session::next(const SamplerOptions& options) noexcept {
  RUNNEL_TRY(state_->take_over());
  RUNNEL_ASSIGN(const int32_t id, state_->sample(options));
  RUNNEL_TRY(state_->append({&id, 1}));
  return id;
}

void Session::seed(uint64_t seed) noexcept {
  state_->stop_background();
  state_->seed(seed);
}

Result<Generation> Session::generate(const GenerateOptions& options, TextSink sink) noexcept {
  RUNNEL_TRY(state_->take_over());
  return state_->generate(options, sink);
}

Result<std::span<const float>> Session::logits() noexcept {
  RUNNEL_TRY(state_->take_over());
  RUNNEL_TRY(state_->settle());
  return state_->logits();
}

Status Session::score(std::span<const int32_t> ids, LogitsSink sink) noexcept {
  RUNNEL_TRY(state_->take_over());
  return state_->score(ids, sink);
}

Status Session::save(const char* path) noexcept {
  RUNNEL_TRY(state_->take_over());
  return state_->save(path, nullptr);
}

Status Session::restore(const char* path) noexcept {
  (void)state_->take_over();
  return state_->restore(path);
}

void Session::cancel() noexcept { state_->cancel(); }

void Session::clear_cancel() noexcept { (void)state_->take_cancel(); }

std::span<const int32_t> Session::tokens() const noexcept {
  state_->stop_background();
  return state_->tokens();
}

uint32_t Session::position() const noexcept {
  state_->stop_background();
  return state_->position();
}

uint32_t Session::context() const noexcept { return state_->context(); }

uint64_t Session::forgotten_tokens() const noexcept {
  state_->stop_background();
  return state_->forgotten_tokens();
}

const Model& Session::model() const noexcept { return state_->model(); }

}  // namespace runnel
