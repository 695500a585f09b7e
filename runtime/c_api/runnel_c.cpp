// The C API: converts structs by their sizes and forwards to the C++ API. The last message of each thread lies in a
// fixed buffer, so reporting a failure never allocates.
#include <cstdio>
#include <new>

#include "kernels/base/memory.h"
#include "runnel/plan.h"
#include "runtime/c_api/handles.h"
#include "runtime/devices/device_text.h"

namespace {

using runnel::Array;
using runnel::Code;
using runnel::read_options;
using runnel::refuse;
using runnel::report;
using runnel::Status;
using runnel::write_result;

thread_local char t_message[1024] = "";

// Requires: not RUNNEL_KV_DEFAULT.
runnel::KvType kv_type(runnel_kv_type type) noexcept {
  return static_cast<runnel::KvType>(std::min<unsigned>(type - 1, 255));
}
runnel_kv_type kv_type(runnel::KvType type) noexcept {
  return static_cast<runnel_kv_type>(static_cast<unsigned>(type) + 1);
}

Status read_open_options(const runnel_open_options* given, runnel::OpenOptions* out) noexcept {
  runnel_open_options options;
  if (!read_options(given, &options))
    return Status::error(Code::invalid_argument, "open: struct_bytes of the options is not set");
  out->context_tokens = options.context_tokens;
  out->budget_bytes = options.budget_bytes;
  if (options.sessions != 0) out->sessions = options.sessions;
  out->sync_sessions = options.sync_sessions;
  out->kv_tokens = options.kv_tokens;
  out->share_prefixes = !options.private_prefixes;
  out->threads = options.threads;
  // Out of range values are kept out of range for the check behind this.
  out->verify = static_cast<runnel::Verify>(std::min<unsigned>(options.verify, 255));
  out->float_backend = static_cast<runnel::FloatBackend>(std::min<unsigned>(options.float_backend, 255));
  out->activations = static_cast<runnel::Activations>(std::min<unsigned>(options.activations, 255));
  out->weights_mode = static_cast<runnel::WeightsMode>(std::min<unsigned>(options.weights_mode, 255));
  if (options.kv_keys != RUNNEL_KV_DEFAULT) out->kv.keys = kv_type(options.kv_keys);
  if (options.kv_values != RUNNEL_KV_DEFAULT) out->kv.values = kv_type(options.kv_values);
  out->cache_folder = options.cache_folder;
  out->submission_ms = options.submission_ms;
  const auto* back_end = reinterpret_cast<const runnel::BackEnd*>(options.back_end);
  const char* otherwise = back_end == nullptr ? "cpu" : "vulkan";
  return runnel::read_device(options.device == nullptr ? otherwise : options.device, back_end, out);
}

bool read_sampler_options(const runnel_sampler_options* given, runnel::SamplerOptions* out) noexcept {
  runnel_sampler_options options;
  if (!read_options(given, &options)) return false;
  out->temperature = options.temperature;
  out->top_k = options.top_k;
  if (options.top_p != 0.0f) out->top_p = options.top_p;
  out->min_p = options.min_p;
  if (options.repetition_penalty != 0.0f) out->repetition_penalty = options.repetition_penalty;
  out->presence_penalty = options.presence_penalty;
  out->frequency_penalty = options.frequency_penalty;
  if (options.penalty_tokens != 0) out->penalty_tokens = options.penalty_tokens;
  out->seed = options.seed;
  return true;
}

runnel_plan to_c(const runnel::MemoryPlan& plan) noexcept {
  runnel_plan out = {};
  out.context_tokens = plan.context_tokens;
  out.private_bytes = plan.private_bytes;
  out.mapped_bytes = plan.mapped_bytes;
  out.total_bytes = plan.total_bytes;
  out.budget_bytes = plan.budget_bytes;
  out.sessions = plan.sessions;
  out.max_context = plan.max_context;
  out.max_sessions = plan.max_sessions;
  out.fits = plan.fits;
  static_assert(runnel::MemoryPlan::kMaxClasses <= std::size(runnel_plan{}.classes));
  out.class_count = plan.class_count;
  for (uint32_t i = 0; i < plan.class_count; ++i)
    out.classes[i] = {plan.classes[i].name, plan.classes[i].bytes, plan.classes[i].is_private};
  out.weights_mode = static_cast<runnel_weights_mode>(plan.weights_mode);
  out.weights_locked = plan.weights_locked;
  out.streamed_bytes = plan.streamed_bytes;
  static_assert(sizeof out.weights_note == sizeof plan.weights_note);
  std::memcpy(out.weights_note, plan.weights_note, sizeof out.weights_note);
  out.kv_keys = kv_type(plan.kv.keys);
  out.kv_values = kv_type(plan.kv.values);
  out.kv_why = plan.kv_why;
  return out;
}

runnel_text to_c(std::string_view text) noexcept { return {text.data(), text.size()}; }

// A handle holding `value`, or null.
template <class Handle, class Value>
Handle* make_handle(Value value) noexcept {
  void* memory = runnel::allocate(sizeof(Handle), alignof(Handle));
  return memory == nullptr ? nullptr : new (memory) Handle{std::move(value)};
}

template <class Handle>
void free_handle(Handle* handle) noexcept {
  if (handle == nullptr) return;
  handle->~Handle();
  runnel::release(handle);
}

runnel_status give_session(const char* who, runnel::Result<runnel::Session> created, runnel_session** out) noexcept {
  if (!created.ok()) return report(created.status());
  runnel_session* handle = make_handle<runnel_session>(*std::move(created));
  if (handle == nullptr) return report(runnel::out_of_memory(who, "the handle"));
  *out = handle;
  return RUNNEL_OK;
}

// Copies a list to the caller's memory by the rule of capacity.
template <class T>
runnel_status copy_out(const char* who, const Array<T>& from, T* to, size_t capacity, size_t* count) noexcept {
  *count = from.size();
  if (from.size() > capacity)
    return report(
        Status::error(Code::invalid_argument, "%s: room for %zu elements, %zu are needed", who, capacity, from.size()));
  if (!from.empty()) std::memcpy(to, from.data(), from.size() * sizeof(T));
  return RUNNEL_OK;
}

// A source as C++ sees it; borrows what the caller's struct points to.
class Source {
 public:
  Status read(const runnel_source& given) noexcept {
    source_.path = given.path;
    source_.memory = {static_cast<const uint8_t*>(given.memory), given.memory_bytes};
    if (given.files == nullptr && given.file_count != 0)
      return Status::error(Code::invalid_argument, "open: a null list of %zu files", given.file_count);
    for (size_t i = 0; i < given.file_count; ++i) {
      const runnel_file_slice& file = given.files[i];
      if (!files_.push({file.fd, file.offset, file.bytes})) return runnel::out_of_memory("open", "the list of files");
    }
    source_.files = files_;
    return {};
  }
  const runnel::ModelSource& get() const noexcept { return source_; }

 private:
  Array<runnel::FileSlice> files_;
  runnel::ModelSource source_;
};

struct PathSource {
  runnel_source source;
  operator const runnel_source*() const noexcept { return source.path == nullptr ? nullptr : &source; }
};

PathSource at_path(const char* path) noexcept {
  return {{.struct_bytes = sizeof(runnel_source),
           .path = path,
           .files = nullptr,
           .file_count = 0,
           .memory = nullptr,
           .memory_bytes = 0}};
}

// What every way to open or plan a model begins with.
runnel_status read_request(const char* who, const runnel_source* given, const runnel_open_options* given_options,
                           Source* source, runnel::OpenOptions* options) noexcept {
  if (given == nullptr) return refuse(who, "a null path or source");
  if (given->struct_bytes < sizeof(runnel_source)) return refuse(who, "struct_bytes of the source is not set");
  if (Status status = read_open_options(given_options, options); !status.ok()) return report(status);
  return report(source->read(*given));
}

runnel_status plan_source(const char* who, const runnel_source* given, const runnel_open_options* given_options,
                          runnel_plan* plan) noexcept {
  if (plan == nullptr) return refuse(who, "a null plan");
  Source source;
  runnel::OpenOptions options;
  if (const runnel_status status = read_request(who, given, given_options, &source, &options)) return status;
  const auto planned = runnel::plan_model(source.get(), options);
  if (!planned.ok()) return report(planned.status());
  return write_result(who, to_c(*planned), plan);
}

runnel_status open_source(const char* who, const runnel_source* given, const runnel_open_options* given_options,
                          runnel_model** model) noexcept {
  if (model == nullptr) return refuse(who, "a null model");
  Source source;
  runnel::OpenOptions options;
  if (const runnel_status status = read_request(who, given, given_options, &source, &options)) return status;
  auto opened = runnel::Model::open(source.get(), options);
  if (!opened.ok()) return report(opened.status());
  runnel_model* handle = make_handle<runnel_model>(*std::move(opened));
  if (handle == nullptr) return report(runnel::out_of_memory(who, "the handle"));
  *model = handle;
  return RUNNEL_OK;
}

}  // namespace

runnel_status runnel::report(const Status& status) noexcept {
  if (!status.ok()) std::snprintf(t_message, sizeof t_message, "%s", status.message());
  return static_cast<runnel_status>(status.code());
}

const char* runnel_version(void) { return RUNNEL_VERSION; }

const char* runnel_status_name(int status) {
  if (status < RUNNEL_OK || status > RUNNEL_INTERNAL) return "unknown";
  return runnel::code_name(static_cast<Code>(status));
}

const char* runnel_last_message(void) { return t_message; }

runnel_status runnel_plan_model(const char* path, const runnel_open_options* options, runnel_plan* plan) {
  return plan_source("runnel_plan_model", at_path(path), options, plan);
}

runnel_status runnel_plan_model_from(const runnel_source* source, const runnel_open_options* options,
                                     runnel_plan* plan) {
  return plan_source("runnel_plan_model_from", source, options, plan);
}

runnel_status runnel_model_open(const char* path, const runnel_open_options* options, runnel_model** model) {
  return open_source("runnel_model_open", at_path(path), options, model);
}

runnel_status runnel_model_open_from(const runnel_source* source, const runnel_open_options* options,
                                     runnel_model** model) {
  return open_source("runnel_model_open_from", source, options, model);
}

void runnel_model_free(runnel_model* model) { free_handle(model); }

runnel_status runnel_model_info(const runnel_model* model, runnel_info* info) {
  if (model == nullptr || info == nullptr) return refuse("runnel_model_info", "a null model or info");
  const runnel::ModelInfo& from = model->model.info();
  runnel_info out = {};
  out.vocab_size = from.vocab_size;
  out.name = to_c(from.name);
  out.architecture = to_c(from.architecture);
  out.weights = to_c(from.weights);
  out.hash = to_c(from.hash);
  out.file_bytes = from.file_bytes;
  out.trained_context = from.trained_context;
  out.has_chat_template = from.has_chat_template;
  out.device = to_c(from.device);
  out.device_note = to_c(from.device_note);
  return write_result("runnel_model_info", out, info);
}

runnel_status runnel_model_plan(const runnel_model* model, runnel_plan* plan) {
  if (model == nullptr || plan == nullptr) return refuse("runnel_model_plan", "a null model or plan");
  return write_result("runnel_model_plan", to_c(model->model.plan()), plan);
}

runnel_status runnel_tokenize(const runnel_model* model, const char* text, size_t bytes, bool add_special,
                              bool parse_special, int32_t* ids, size_t capacity, size_t* count) {
  if (model == nullptr || count == nullptr || (text == nullptr && bytes != 0) || (ids == nullptr && capacity != 0))
    return refuse("runnel_tokenize", "a null model, text, ids or count");
  Array<int32_t> all;
  const Status status = model->model.tokenize({text, bytes}, {add_special, parse_special}, &all);
  return status.ok() ? copy_out("runnel_tokenize", all, ids, capacity, count) : report(status);
}

runnel_status runnel_detokenize(const runnel_model* model, const int32_t* ids, size_t count, bool special, char* text,
                                size_t capacity, size_t* bytes) {
  if (model == nullptr || bytes == nullptr || (ids == nullptr && count != 0) || (text == nullptr && capacity != 0))
    return refuse("runnel_detokenize", "a null model, ids, text or bytes");
  Array<char> all;
  const Status status = model->model.detokenize({ids, count}, special, &all);
  return status.ok() ? copy_out("runnel_detokenize", all, text, capacity, bytes) : report(status);
}

runnel_status runnel_model_verify(const runnel_model* model) {
  if (model == nullptr) return refuse("runnel_model_verify", "a null model");
  return report(model->model.verify());
}

runnel_status runnel_model_kv_usage(const runnel_model* model, runnel_kv_usage* usage) {
  if (model == nullptr || usage == nullptr) return refuse("runnel_model_kv_usage", "a null model or usage");
  const runnel::KvUsage from = model->model.kv_usage();
  runnel_kv_usage out = {};
  out.used_bytes = from.used_bytes;
  out.shared_bytes = from.shared_bytes;
  out.cached_bytes = from.cached_bytes;
  out.free_bytes = from.free_bytes;
  return write_result("runnel_model_kv_usage", out, usage);
}

runnel_status runnel_model_trim(const runnel_model* model, runnel_trim_level level, uint64_t* bytes) {
  if (model == nullptr) return refuse("runnel_model_trim", "a null model");
  if (static_cast<unsigned>(level) > RUNNEL_TRIM_WEIGHTS) return refuse("runnel_model_trim", "no such level");
  const uint64_t free_bytes = model->model.trim(static_cast<runnel::TrimLevel>(level));
  if (bytes != nullptr) *bytes = free_bytes;
  return RUNNEL_OK;
}

runnel_status runnel_model_set_effort(const runnel_model* model, const runnel_effort* effort) {
  if (model == nullptr) return refuse("runnel_model_set_effort", "a null model");
  runnel_effort given;
  if (!read_options(effort, &given)) return refuse("runnel_model_set_effort", "struct_bytes of the effort is not set");
  return report(model->model.set_effort(
      {.threads = given.threads, .yielding = given.yielding, .tokens_per_second = given.tokens_per_second}));
}

runnel_status runnel_session_create(const runnel_model* model, const runnel_session_options* options,
                                    runnel_session** session) {
  if (model == nullptr || session == nullptr) return refuse("runnel_session_create", "a null model or session");
  runnel_session_options given;
  if (!read_options(options, &given)) return refuse("runnel_session_create", "struct_bytes of the options is not set");
  runnel::SessionOptions own = {.context_tokens = given.context_tokens};
  own.when_full = static_cast<runnel::WhenFull>(std::min<unsigned>(given.when_full, 255));
  if (given.keep_tokens != 0) own.keep_tokens = given.keep_tokens;
  return give_session("runnel_session_create", runnel::Session::create(model->model, own), session);
}

runnel_status runnel_session_fork(const runnel_session* session, runnel_session** copy) {
  if (session == nullptr || copy == nullptr) return refuse("runnel_session_fork", "a null session or copy");
  return give_session("runnel_session_fork", session->session.fork(), copy);
}

void runnel_session_free(runnel_session* session) { free_handle(session); }

runnel_status runnel_append(runnel_session* session, const int32_t* ids, size_t count) {
  if (session == nullptr || (ids == nullptr && count != 0)) return refuse("runnel_append", "a null session or ids");
  return report(session->session.append({ids, count}));
}

runnel_status runnel_append_text(runnel_session* session, const char* text, size_t bytes) {
  if (session == nullptr || (text == nullptr && bytes != 0))
    return refuse("runnel_append_text", "a null session or text");
  return report(session->session.append_text({text, bytes}));
}

runnel_status runnel_set_chat(runnel_session* session, const char* messages_json, size_t bytes) {
  if (session == nullptr || messages_json == nullptr) return refuse("runnel_set_chat", "a null session or messages");
  Array<int32_t> ids;
  const Status status = session->session.model().tokenize_chat({messages_json, bytes}, {}, &ids);
  return report(status.ok() ? session->session.replace(ids) : status);
}

runnel_status runnel_sync(runnel_session* session, const char* text, size_t bytes) {
  if (session == nullptr || (text == nullptr && bytes != 0)) return refuse("runnel_sync", "a null session or text");
  return report(session->session.sync({text, bytes}));
}

runnel_status runnel_sync_chat(runnel_session* session, const char* messages_json, size_t bytes) {
  if (session == nullptr || messages_json == nullptr) return refuse("runnel_sync_chat", "a null session or messages");
  return report(session->session.sync_chat({messages_json, bytes}));
}

runnel_status runnel_generate(runnel_session* session, const runnel_generate_options* options,
                              runnel_text_callback callback, void* context, runnel_generation* generation) {
  if (session == nullptr) return refuse("runnel_generate", "a null session");
  if (generation != nullptr && generation->struct_bytes < runnel::kFirstBytes<runnel_generation>)
    return refuse("runnel_generate", "struct_bytes of the result is not set");
  runnel_generate_options given;
  runnel::GenerateOptions generate;
  if (!read_options(options, &given) || !read_sampler_options(given.sampler, &generate.sampler))
    return refuse("runnel_generate", "struct_bytes of the options is not set");
  std::string_view stop[16];
  if (given.stop_count > std::size(stop) || (given.stop == nullptr && given.stop_count != 0))
    return refuse("runnel_generate", "more than 16 stop strings, or a null list of them");
  for (size_t i = 0; i < given.stop_count; ++i) {
    if (given.stop[i].data == nullptr) return refuse("runnel_generate", "a null stop string");
    stop[i] = {given.stop[i].data, given.stop[i].bytes};
  }
  generate.stop = {stop, given.stop_count};
  generate.max_tokens = given.max_tokens;
  generate.ignore_end = given.ignore_end;
  generate.show_special = given.show_special;
  generate.keep_generator = given.keep_generator;
  const auto sink = [&](std::string_view piece) {
    return callback == nullptr || callback(context, piece.data(), piece.size());
  };
  const auto done = session->session.generate(generate, sink);
  if (!done.ok()) return report(done.status());
  if (generation == nullptr) return RUNNEL_OK;
  runnel_generation out = {};
  out.finish = static_cast<runnel_finish>(done->finish);
  out.prompt_tokens = done->prompt_tokens;
  out.generated_tokens = static_cast<uint32_t>(done->ids.size());
  out.ttft_ms = done->ttft_ms;
  out.prefill_tok_s = done->prefill_tok_s;
  out.decode_tok_s = done->decode_tok_s;
  out.reused_tokens = done->reused_tokens;
  return write_result("runnel_generate", out, generation);
}

runnel_status runnel_next(runnel_session* session, const runnel_sampler_options* options, int32_t* id) {
  if (session == nullptr || id == nullptr) return refuse("runnel_next", "a null session or id");
  runnel::SamplerOptions sampler;
  if (!read_sampler_options(options, &sampler)) return refuse("runnel_next", "struct_bytes of the options is not set");
  const auto next = session->session.next(sampler);
  if (!next.ok()) return report(next.status());
  *id = *next;
  return RUNNEL_OK;
}

runnel_status runnel_logits(runnel_session* session, const float** logits, size_t* count) {
  if (session == nullptr || logits == nullptr || count == nullptr)
    return refuse("runnel_logits", "a null session, logits or count");
  const auto row = session->session.logits();
  if (!row.ok()) return report(row.status());
  *logits = row->data();
  *count = row->size();
  return RUNNEL_OK;
}

runnel_status runnel_session_save(runnel_session* session, const char* path) {
  if (session == nullptr) return refuse("runnel_session_save", "a null session");
  return report(session->session.save(path));
}

runnel_status runnel_session_restore(runnel_session* session, const char* path) {
  if (session == nullptr) return refuse("runnel_session_restore", "a null session");
  return report(session->session.restore(path));
}

runnel_status runnel_truncate(runnel_session* session, uint32_t tokens) {
  if (session == nullptr) return refuse("runnel_truncate", "a null session");
  return report(session->session.truncate(tokens));
}

runnel_status runnel_session_tokens(const runnel_session* session, const int32_t** ids, size_t* count) {
  if (session == nullptr || ids == nullptr || count == nullptr)
    return refuse("runnel_session_tokens", "a null session, ids or count");
  const auto tokens = session->session.tokens();
  *ids = tokens.data();
  *count = tokens.size();
  return RUNNEL_OK;
}

uint32_t runnel_session_context(const runnel_session* session) {
  return session == nullptr ? 0 : session->session.context();
}

void runnel_session_cancel(runnel_session* session) {
  if (session != nullptr) session->session.cancel();
}

void runnel_session_clear_cancel(runnel_session* session) {
  if (session != nullptr) session->session.clear_cancel();
}
