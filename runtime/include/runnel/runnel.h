/* Runnel in C: open a model under a memory budget, stream an answer, never lose the host.
 *
 *   runnel_model* model = NULL;
 *   runnel_open_options open_options = {.struct_bytes = sizeof open_options, .budget_bytes = 200u << 20};
 *   if (runnel_model_open("shop.rnl", &open_options, &model) != RUNNEL_OK) puts(runnel_last_message());
 *
 * Rules that hold for every function:
 * - Nothing aborts, exits or throws. A failing function returns its status, leaves its outputs untouched unless it says
 *   otherwise, and describes the failure in runnel_last_message() of the calling thread.
 * - Structs begin with their size: set struct_bytes to sizeof. Fields of value 0 mean the default. Newer fields are
 *   appended, so that an app built against an older header keeps working. A null options pointer means all defaults.
 * - Text is a pointer and a length in bytes, UTF-8, without a terminator, unless it is called a path or a name.
 * - Every function can return RUNNEL_INVALID_ARGUMENT for a null handle, a null output or a struct_bytes that is too
 *   small, and RUNNEL_OUT_OF_MEMORY; the comments name the other statuses.
 * - Threads: functions on a model may be called from any thread; functions on one session from one thread at a time,
 *   but runnel_session_cancel and runnel_session_clear_cancel from any. */
#ifndef RUNNEL_RUNNEL_H
#define RUNNEL_RUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum runnel_status {
  RUNNEL_OK = 0,
  RUNNEL_INVALID_ARGUMENT = 1, /* the request makes no sense */
  RUNNEL_CORRUPT_FILE = 2,     /* bytes that contradict themselves or their checksum */
  RUNNEL_UNSUPPORTED = 3,      /* well formed, but this build, runtime or device cannot do it */
  RUNNEL_OVER_BUDGET = 4,      /* does not fit the memory budget; the message carries the numbers */
  RUNNEL_CONTEXT_FULL = 5,     /* no room for another token */
  RUNNEL_OUT_OF_MEMORY = 6,
  RUNNEL_IO = 7,
  RUNNEL_CANCELLED = 8,
  RUNNEL_STALE_SNAPSHOT = 9,
  RUNNEL_DEVICE_LOST = 10,
  RUNNEL_INTERNAL = 11 /* a mistake of ours */
} runnel_status;

typedef enum runnel_verify {
  RUNNEL_VERIFY_LAZY = 0,        /* each 1 MiB chunk of weights is hashed behind its first use, at low priority */
  RUNNEL_VERIFY_EAGER = 1,       /* all of them while opening */
  RUNNEL_VERIFY_OFF = 2,         /* the header only */
  RUNNEL_VERIFY_ANY = 0x7fffffff /* none: any int can be given, and refused */
} runnel_verify;

typedef enum runnel_float_backend {
  RUNNEL_FLOAT_OWN = 0,
  RUNNEL_FLOAT_XNNPACK = 1,
  RUNNEL_FLOAT_BACKEND_ANY = 0x7fffffff /* none: any int can be given, and refused */
} runnel_float_backend;

/* What is multiplied with quantised weights: finer is slower and closer to the float model. */
typedef enum runnel_activations {
  RUNNEL_ACTIVATIONS_AUTO = 0, /* as the model file asks */
  RUNNEL_ACTIVATIONS_Q8 = 1,
  RUNNEL_ACTIVATIONS_Q16 = 2,
  RUNNEL_ACTIVATIONS_F32 = 3,
  RUNNEL_ACTIVATIONS_ANY = 0x7fffffff /* none: any int can be given, and refused */
} runnel_activations;

/* How weights reach memory. */
typedef enum runnel_weights_mode {
  RUNNEL_WEIGHTS_AUTO = 0,             /* mapped when the machine can hold the file beside the budget, else streamed */
  RUNNEL_WEIGHTS_MAPPED = 1,           /* pages of the file, shared with the system's cache, not in the budget */
  RUNNEL_WEIGHTS_RESIDENT = 2,         /* a private copy, read at open and locked where the system allows */
  RUNNEL_WEIGHTS_STREAMED = 3,         /* read as a step goes, but for what the budget has room for */
  RUNNEL_WEIGHTS_MODE_ANY = 0x7fffffff /* none: any int can be given, and refused */
} runnel_weights_mode;

/* Storage of keys or values. */
typedef enum runnel_kv_type {
  RUNNEL_KV_DEFAULT = 0, /* f16 */
  RUNNEL_KV_F16 = 1,
  RUNNEL_KV_F32 = 2,
  RUNNEL_KV_Q8 = 3,               /* 8 bits and a float16 scale for each 32 numbers */
  RUNNEL_KV_Q4 = 4,               /* 4 bits and such a scale; keys of heads shorter than 32 are Q8 */
  RUNNEL_KV_TYPE_ANY = 0x7fffffff /* none: any int can be given, and refused */
} runnel_kv_type;

typedef enum runnel_finish {
  RUNNEL_FINISH_END = 0,          /* the model ended its answer */
  RUNNEL_FINISH_STOP = 1,         /* a stop string appeared */
  RUNNEL_FINISH_LENGTH = 2,       /* max_tokens were generated */
  RUNNEL_FINISH_CONTEXT_FULL = 3, /* no room for another token */
  RUNNEL_FINISH_CANCELLED = 4,    /* runnel_session_cancel */
  RUNNEL_FINISH_CALLBACK = 5      /* the callback returned false */
} runnel_finish;

/* What happens when a session has no room for another token. */
typedef enum runnel_when_full {
  RUNNEL_WHEN_FULL_REFUSE = 0, /* context_full */
  RUNNEL_WHEN_FULL_SLIDE = 1,  /* the oldest tokens but the first keep_tokens are forgotten, half of them at a time */
  RUNNEL_WHEN_FULL_ANY = 0x7fffffff /* none: any int can be given, and refused */
} runnel_when_full;

/* How much runnel_model_trim gives back; each does what those before it do. */
typedef enum runnel_trim_level {
  RUNNEL_TRIM_PREFIXES = 0,          /* KV pages that no session holds, and the memory behind all unused pages */
  RUNNEL_TRIM_WEIGHTS = 1,           /* pages of mapped weights, which the next step maps again */
  RUNNEL_TRIM_LEVEL_ANY = 0x7fffffff /* none: any int can be given, and refused */
} runnel_trim_level;

/* How much of the machine a model's steps take: how fast tokens come, never which ones. */
typedef struct runnel_effort {
  uint32_t struct_bytes;
  uint32_t threads;        /* of a step, at most the plan's; 0: the plan's */
  float tokens_per_second; /* most that a generation gives, the time between them slept; 0: no limit */
  bool yielding;           /* in the background: one core at least is left to others, and cores are offered to whoever
                              waits for one */
} runnel_effort;

typedef struct runnel_model runnel_model;
typedef struct runnel_session runnel_session;
typedef struct runnel_back_end runnel_back_end; /* what computes on a device beside the CPU; static storage */

typedef struct runnel_text {
  const char* data;
  size_t bytes;
} runnel_text;

typedef struct runnel_open_options {
  uint32_t struct_bytes;
  uint32_t context_tokens; /* 0: the longest that fits the budget, up to what the model was trained for */
  uint64_t budget_bytes;   /* most private bytes of the model and its sessions; 0: what the machine has free */
  uint32_t sessions;       /* open at the same time; 0: 1 */
  uint32_t threads;        /* of a step, the caller's included; 0: recommended for this machine */
  runnel_verify verify;
  runnel_float_backend float_backend;
  runnel_activations activations;
  runnel_weights_mode weights_mode;
  runnel_kv_type kv_keys;
  runnel_kv_type kv_values;
  uint32_t sync_sessions; /* of sessions, those that runnel_sync at the same time; each has a planned thread */
  uint64_t kv_tokens;     /* that all sessions hold together, shared ones once, taken as needed; 0: room for each */
  bool private_prefixes;  /* sessions do not find what others computed of a common beginning */
  const runnel_back_end* back_end; /* runnel_vulkan(), or null: the CPU */
  const char* device; /* with a back end: "vulkan", "vulkan:N", "vulkan:UUID" (its first 8 digits or more), "auto" (a
                         GPU where one can be used and is faster) or "cpu"; null: "vulkan". Borrowed for the call */
  const char* cache_folder; /* exists; compiled pipelines and what tests of a driver found are kept there; null: nothing
                               is. Borrowed for the call */
  uint32_t submission_ms;   /* about how long a device computes before it is asked again whether to stop; 0: 8 */
} runnel_open_options;

typedef struct runnel_session_options {
  uint32_t struct_bytes;
  uint32_t context_tokens;    /* most tokens it holds; 0: the plan's */
  runnel_when_full when_full; /* of its context */
  uint32_t keep_tokens;       /* first tokens that sliding keeps; 0: 4 */
} runnel_session_options;

/* Bytes of KV pages by what they are for: used + cached + free is the plan's class "kv". */
typedef struct runnel_kv_usage {
  uint32_t struct_bytes;
  uint64_t used_bytes;   /* sessions hold them; a page that several share counts once */
  uint64_t shared_bytes; /* what would be needed besides if nothing were shared */
  uint64_t cached_bytes; /* kept for sessions to come that begin alike, given to any that needs them */
  uint64_t free_bytes;
} runnel_kv_usage;

/* Bytes of an open regular file, for example an asset that lies uncompressed in an APK. */
typedef struct runnel_file_slice {
  int fd;          /* open for reading; stays the caller's, who may close it after the call */
  uint64_t offset; /* a multiple of 64 (zipalign 64); with several shards, of the system's page size */
  uint64_t bytes;  /* 0: to the end of the file */
} runnel_file_slice;

/* Where a model file lies: exactly one of path, files and memory is set. */
typedef struct runnel_source {
  uint32_t struct_bytes;
  const char* path;               /* a single file or the first shard */
  const runnel_file_slice* files; /* file_count slices, a single file or all shards in order; borrowed for the call */
  size_t file_count;
  const void* memory; /* memory_bytes bytes, 64-byte aligned; outlives the model and its sessions, and stays as it is */
  size_t memory_bytes;
} runnel_source;

typedef struct runnel_memory_class {
  const char* name; /* static storage, zero-terminated */
  uint64_t bytes;
  bool is_private; /* charged to the budget */
} runnel_memory_class;

typedef struct runnel_plan {
  uint32_t struct_bytes;
  uint32_t context_tokens; /* of each session */
  uint64_t private_bytes;  /* of all sessions */
  uint64_t mapped_bytes;   /* clean pages of the file, which the system can drop */
  uint64_t total_bytes;
  uint64_t budget_bytes;
  uint32_t sessions;
  uint32_t max_context;  /* longest context that fits with this many sessions */
  uint32_t max_sessions; /* most sessions of context_tokens that fit */
  bool fits;
  uint32_t class_count;
  runnel_memory_class classes[16];
  runnel_weights_mode weights_mode; /* never auto */
  bool weights_locked;              /* resident ones: kept from being swapped */
  uint64_t streamed_bytes;          /* of the weights, read from the file in each step */
  char weights_note[320];           /* why that mode, and how it went; zero-terminated */
  runnel_kv_type kv_keys;           /* never default */
  runnel_kv_type kv_values;
  const char* kv_why; /* why not as asked, empty where it is; static storage, zero-terminated */
} runnel_plan;

typedef struct runnel_info {
  uint32_t struct_bytes;
  uint32_t vocab_size;
  runnel_text name, architecture, weights, hash; /* borrowed from the model */
  uint64_t file_bytes;
  uint32_t trained_context;
  bool has_chat_template;
  runnel_text device;      /* where steps run: "cpu" or the device's name; borrowed from the model */
  runnel_text device_note; /* with "auto": why it is the CPU; borrowed from the model */
} runnel_info;

/* Where a kind of node of the model's graph runs. */
typedef struct runnel_placement {
  uint32_t struct_bytes;
  uint32_t nodes;   /* of this kind */
  const char* what; /* op, storage type and sizes; zero-terminated, borrowed from the model */
  const char* why; /* not on the device, or there but not as asked, else ""; zero-terminated, borrowed from the model */
  bool on_device;
} runnel_placement;

typedef struct runnel_sampler_options {
  uint32_t struct_bytes;
  float temperature; /* 0: the likeliest token */
  uint32_t top_k;    /* 0: all */
  float top_p;       /* 0: 1 */
  float min_p;
  float repetition_penalty; /* 0: 1 */
  float presence_penalty;
  float frequency_penalty;
  uint32_t penalty_tokens; /* last tokens that penalties look at; 0: 64 */
  uint64_t seed;           /* same seed, same text */
} runnel_sampler_options;

typedef struct runnel_generate_options {
  uint32_t struct_bytes;
  uint32_t max_tokens;                   /* 0: until the context is full */
  const runnel_sampler_options* sampler; /* null: greedy; borrowed for the call */
  const runnel_text* stop;               /* stop_count strings of 1..256 bytes, borrowed for the call */
  size_t stop_count;                     /* at most 16 */
  bool ignore_end;                       /* end-of-generation tokens do not end the answer */
  bool show_special;                     /* control tokens are spelled out */
  bool keep_generator;                   /* draws go on where the session's are; the sampler's seed is not used */
} runnel_generate_options;

typedef struct runnel_generation {
  uint32_t struct_bytes;
  runnel_finish finish;
  uint32_t prompt_tokens;
  uint32_t generated_tokens; /* the last ones of the session */
  double ttft_ms;            /* from the first append since the last generation to the first token */
  double prefill_tok_s;
  double decode_tok_s;
  uint32_t reused_tokens; /* of the prompt: computed by another session, found and not computed again */
} runnel_generation;

/* A piece of the answer, valid UTF-8, borrowed for the call; false stops. Called on the thread that generates, and
 * never after runnel_generate returned. */
typedef bool (*runnel_text_callback)(void* context, const char* text, size_t bytes);

/* The library's version, "major.minor.patch". Static storage. */
const char* runnel_version(void);

/* "ok", "over_budget", ... Never null, static storage. */
const char* runnel_status_name(int status);

/* What the last failing call of this thread had to say, "" when none failed. Zero-terminated, never null, borrowed
 * until the next call on this thread. */
const char* runnel_last_message(void);

/* Computes the memory plan from the file's header. *plan is written (up to its struct_bytes) on success; a plan that
 * does not fit is a success with fits = false. Statuses: io, corrupt_file, unsupported. */
runnel_status runnel_plan_model(const char* path, const runnel_open_options* options, runnel_plan* plan);

/* The same from wherever the model lies. */
runnel_status runnel_plan_model_from(const runnel_source* source, const runnel_open_options* options,
                                     runnel_plan* plan);

/* Opens a model. *model is owned by the caller: runnel_model_free. Statuses: io, corrupt_file, unsupported,
 * over_budget. */
runnel_status runnel_model_open(const char* path, const runnel_open_options* options, runnel_model** model);

/* The same from wherever the model lies. */
runnel_status runnel_model_open_from(const runnel_source* source, const runnel_open_options* options,
                                     runnel_model** model);

/* Gives up the handle; null is allowed. Sessions keep what they need, so the order of frees does not matter. */
void runnel_model_free(runnel_model* model);

/* Writes *info (up to its struct_bytes). No other status. */
runnel_status runnel_model_info(const runnel_model* model, runnel_info* info);

/* The Vulkan back end, for an app that wants it: calling this is what links it. Never null; in a build without Vulkan
 * opening with it is RUNNEL_UNSUPPORTED. */
const runnel_back_end* runnel_vulkan(void);

/* How many kinds of node runnel_model_placement tells of; 0 for a model that was opened on the CPU, and for null. */
size_t runnel_model_placement_count(const runnel_model* model);

/* Writes where the kind of node `index` runs (up to its struct_bytes). Any thread, also beside a step; when the device
 * is lost, the same kinds run on the CPU. Status: invalid_argument (an index that is none). */
runnel_status runnel_model_placement(const runnel_model* model, size_t index, runnel_placement* placement);

/* Writes the plan that open reserved. No other status. */
runnel_status runnel_model_plan(const runnel_model* model, runnel_plan* plan);

/* Text to ids, written to ids[0 .. capacity). *count becomes the number of ids of the text, even when capacity is too
 * small: then nothing is written and the status is invalid_argument. BOS/EOS are added as the model wants when
 * add_special; control tokens in the text are parsed when parse_special. */
runnel_status runnel_tokenize(const runnel_model* model, const char* text, size_t bytes, bool add_special,
                              bool parse_special, int32_t* ids, size_t capacity, size_t* count);

/* Ids to text, by the same rule of capacity. Not zero-terminated. */
runnel_status runnel_detokenize(const runnel_model* model, const int32_t* ids, size_t count, bool special, char* text,
                                size_t capacity, size_t* bytes);

/* Compares every checksum of the file. Statuses: corrupt_file, io. */
runnel_status runnel_model_verify(const runnel_model* model);

/* How the KV pages are used now. *usage is written up to its struct_bytes. No other status. */
runnel_status runnel_model_kv_usage(const runnel_model* model, runnel_kv_usage* usage);

/* For a warning of the system that memory is short; sessions and generations in progress go on. *bytes (may be null)
 * becomes how many bytes were given back or are free to be taken. No other status. */
runnel_status runnel_model_trim(const runnel_model* model, runnel_trim_level level, uint64_t* bytes);

/* How much of the machine the model's steps take from now on, those of a generation in progress too: for the system's
 * warnings of heat, and for an app that leaves the foreground. Null: all that was planned. Status: invalid_argument (a
 * rate that is negative or no number); what was set before then stays. */
runnel_status runnel_model_set_effort(const runnel_model* model, const runnel_effort* effort);

/* Starts a session. *session is owned by the caller: runnel_session_free. Statuses: over_budget (more sessions than
 * planned). */
runnel_status runnel_session_create(const runnel_model* model, const runnel_session_options* options,
                                    runnel_session** session);

/* Another session with the same tokens and options, which goes its own way from here on; keys and values are shared
 * until one of both writes over them. *copy is owned by the caller. Statuses as runnel_session_create. */
runnel_status runnel_session_fork(const runnel_session* session, runnel_session** copy);

/* Ends it; null is allowed. Not while another call on it is running. */
void runnel_session_free(runnel_session* session);

/* Adds ids and computes them. On failure the session is as before. Statuses: context_full, cancelled, corrupt_file,
 * internal. */
runnel_status runnel_append(runnel_session* session, const int32_t* ids, size_t count);

/* Adds a text; control tokens in it are parsed. Statuses as runnel_append. */
runnel_status runnel_append_text(runnel_session* session, const char* text, size_t bytes);

/* Makes the session hold a chat: renders an array of {"role", "content"} by the model's template, ready for the
 * assistant's answer, keeping what is computed of the common beginning. On failure the session holds that beginning.
 * Statuses: unsupported (no template), invalid_argument (the JSON or the template), context_full, cancelled,
 * corrupt_file, internal. */
runnel_status runnel_set_chat(runnel_session* session, const char* messages_json, size_t bytes);

/* Prefill while typing. Makes the session hold a text that is being edited, from its first token on, and returns at
 * once: behind, the text is tokenized and what is new in it is computed, until the next call on the session. That call
 * finds the session holding all of the newest text: on the Enter key, runnel_generate. What goes wrong behind is
 * returned by the next call that can return it and does nothing else then; runnel_set_chat, runnel_session_restore and
 * a newer text drop it. Statuses: over_budget (sync_sessions are in use), unsupported (no tokenizer); behind: as
 * runnel_append. */
runnel_status runnel_sync(runnel_session* session, const char* text, size_t bytes);

/* The same for a chat whose last message is being typed: what runnel_set_chat makes of it. Statuses also: unsupported
 * (no template); behind: invalid_argument (the JSON or the template). */
runnel_status runnel_sync_chat(runnel_session* session, const char* messages_json, size_t bytes);

/* Generates; `callback` (may be null) gets the text as it comes. *generation (may be null) is written up to its
 * struct_bytes. Cancelling is a success whose finish says so. Statuses: corrupt_file, internal. */
runnel_status runnel_generate(runnel_session* session, const runnel_generate_options* options,
                              runnel_text_callback callback, void* context, runnel_generation* generation);

/* Picks the next id and appends it. *id is written. Statuses: context_full, cancelled, corrupt_file, internal. */
runnel_status runnel_next(runnel_session* session, const runnel_sampler_options* options, int32_t* id);

/* Logits after the last token: *logits points to *count floats, borrowed until the next call on the session. Statuses:
 * cancelled, corrupt_file, internal. */
runnel_status runnel_logits(runnel_session* session, const float** logits, size_t* count);

/* Writes the session to the snapshot `path`: after a kill or a power cut at any moment the file is what it was before,
 * or the new snapshot. Saving again to the same file writes what has changed. Computes nothing; cancelling does not
 * stop it. Statuses: io (no half-written file is left). */
runnel_status runnel_session_save(runnel_session* session, const char* path);

/* Makes the session what runnel_session_save wrote, in this process or another: it continues with the very same tokens.
 * On failure the session is as before, unless, after all of the file was checked, the file fails while it is loaded or
 * no KV page is left: then it is empty, and the message says so. Statuses: io, stale_snapshot (of another model,
 * setting or version), corrupt_file (no snapshot, or damaged), context_full (more tokens than this session can hold).
 */
runnel_status runnel_session_restore(runnel_session* session, const char* path);

/* Forgets all but the first `tokens` tokens. Status: invalid_argument (more than there are). */
runnel_status runnel_truncate(runnel_session* session, uint32_t tokens);

/* All tokens of the session: *ids points to *count ids, borrowed until the next call on it. No other status. */
runnel_status runnel_session_tokens(const runnel_session* session, const int32_t** ids, size_t* count);

/* Most tokens the session can hold; 0 for a null handle. */
uint32_t runnel_session_context(const runnel_session* session);

/* Stops the call in progress at the next layer, or the next call when none is. Any thread. Null is allowed. */
void runnel_session_cancel(runnel_session* session);

/* Withdraws a cancel that no call has taken. Any thread. Null is allowed. */
void runnel_session_clear_cancel(runnel_session* session);

#ifdef __cplusplus
}
#endif
#endif
