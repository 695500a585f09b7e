#include "runnel/model.h"

#include "runtime/model/chat_encoding.h"
#include "runtime/model/model_state.h"

namespace runnel {
namespace {

Status no_tokenizer(const char* who) noexcept {
  return Status::error(Code::unsupported, "%s: the model file has no tokenizer, only ids can be used", who);
}

// What the template is told; BOS and EOS as the tokenizer spells them.
Result<ChatInput> chat_input(const Tokenizer* tokenizer, std::string_view messages_json,
                             const ChatOptions& options) noexcept {
  ChatInput input{.messages_json = messages_json,
                  .tools_json = options.tools_json,
                  .extra_json = options.extra_json,
                  .bos_token = {},
                  .eos_token = {},
                  .add_generation_prompt = options.add_generation_prompt,
                  .now_seconds = options.now_seconds};
  if (tokenizer != nullptr && tokenizer->bos_id() >= 0) {
    RUNNEL_ASSIGN(input.bos_token, tokenizer->piece(tokenizer->bos_id(), true));
  }
  if (tokenizer != nullptr && tokenizer->eos_id() >= 0) {
    RUNNEL_ASSIGN(input.eos_token, tokenizer->piece(tokenizer->eos_id(), true));
  }
  return input;
}

}  // namespace

Result<Model> Model::open(const char* path, const OpenOptions& options) noexcept {
  if (path == nullptr) return Status::error(Code::invalid_argument, "open: no path");
  return open(ModelSource{.path = path, .files = {}, .memory = {}}, options);
}

Result<Model> Model::open(const ModelSource& source, const OpenOptions& options) noexcept {
  RUNNEL_ASSIGN(ModelState * state, ModelState::open(source, options));
  return Model(state);
}

Model::Model(const Model& other) noexcept : state_(other.state_) {
  if (state_ != nullptr) state_->retain();
}

Model::Model(Model&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Model& Model::operator=(Model other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Model::~Model() {
  if (state_ != nullptr) state_->release();
}

const ModelInfo& Model::info() const noexcept { return state_->info(); }

const MemoryPlan& Model::plan() const noexcept { return state_->plan(); }

bool Model::is_end(int32_t id) const noexcept {
  for (const int32_t end : state_->info().end_ids) {
    if (end == id) return true;
  }
  return false;
}

std::span<const PlacementRow> Model::placement() const noexcept { return state_->placement(); }

KvUsage Model::kv_usage() const noexcept { return state_->kv().usage(); }

uint64_t Model::trim(TrimLevel level) const noexcept {
  const uint64_t bytes = state_->kv().trim();
  return level < TrimLevel::weights ? bytes : bytes + state_->file().drop_pages();
}

Status Model::set_effort(const Effort& effort) const noexcept { return state_->set_effort(effort); }

Status Model::tokenize(std::string_view text, const TokenizeOptions& options, Array<int32_t>* ids) const noexcept {
  if (state_->tokenizer() == nullptr) return no_tokenizer("tokenize");
  return state_->tokenizer()->encode(text, {.add_special = options.add_special, .parse_special = options.parse_special},
                                     ids);
}

Status Model::detokenize(std::span<const int32_t> ids, bool special, Array<char>* text) const noexcept {
  if (state_->tokenizer() == nullptr) return no_tokenizer("detokenize");
  return state_->tokenizer()->decode(ids, special, text);
}

Result<std::string_view> Model::piece(int32_t id, bool special) const noexcept {
  if (state_->tokenizer() == nullptr) return no_tokenizer("detokenize");
  return state_->tokenizer()->piece(id, special);
}

Status Model::render_chat(std::string_view messages_json, const ChatOptions& options,
                          Array<char>* text) const noexcept {
  RUNNEL_ASSIGN(const ChatTemplate* chat, state_->chat_template());
  RUNNEL_ASSIGN(const ChatInput input, chat_input(state_->tokenizer(), messages_json, options));
  return chat->render(input, text);
}

Status Model::tokenize_chat(std::string_view messages_json, const ChatOptions& options,
                            Array<int32_t>* ids) const noexcept {
  const Tokenizer* tokenizer = state_->tokenizer();
  if (tokenizer == nullptr) return no_tokenizer("chat");
  RUNNEL_ASSIGN(const ChatTemplate* chat, state_->chat_template());
  RUNNEL_ASSIGN(const std::span<const int32_t> control, state_->control_ids());
  RUNNEL_ASSIGN(const ChatInput input, chat_input(tokenizer, messages_json, options));
  Array<char> text;
  return encode_chat(*tokenizer, control, *chat, input, &text, ids);
}

Status Model::verify(FunctionRef<void(uint64_t, uint64_t)> progress) const noexcept {
  return state_->file().verify_all(
      [](void* context, uint64_t done, uint64_t total) {
        const auto& callback = *static_cast<const FunctionRef<void(uint64_t, uint64_t)>*>(context);
        if (callback) callback(done, total);
      },
      &progress);
}

Status Model::settle() const noexcept { return state_->settle(); }
bool Model::verified() const noexcept { return state_->file().verified(); }

}  // namespace runnel
