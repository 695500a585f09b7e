/* Usage: embed_sessions MODEL.rnl "prompt": the prompt as if it were typed, then two answers to it. */
#include <runnel/runnel.h>
#include <stdio.h>
#include <string.h>

static bool show(void* context, const char* text, size_t bytes) {
  return fwrite(text, 1, bytes, (FILE*)context) == bytes;
}

/* Prints one answer; `seed` makes it differ from others. */
static runnel_status answer(runnel_session* session, uint64_t seed) {
  runnel_sampler_options sampler = {.struct_bytes = sizeof sampler, .temperature = 1.0f, .seed = seed};
  runnel_generate_options options = {.struct_bytes = sizeof options, .max_tokens = 24, .sampler = &sampler};
  runnel_generation done = {.struct_bytes = sizeof done};
  const runnel_status status = runnel_generate(session, &options, show, stdout, &done);
  if (status == RUNNEL_OK) printf("\n(first token after %.1f ms)\n", done.ttft_ms);
  return status;
}

int main(int argc, char** argv) {
  runnel_model* model = NULL;
  runnel_session *session = NULL, *other = NULL;
  runnel_status status;
  if (argc != 3) {
    fprintf(stderr, "usage: %s MODEL.rnl PROMPT\n", argv[0]);
    return 2;
  }

  /* Two sessions at a time, one of which follows what is typed. */
  runnel_open_options open_options = {.struct_bytes = sizeof open_options, .sessions = 2, .sync_sessions = 1};
  status = runnel_model_open(argv[1], &open_options, &model);

  /* A conversation that goes on when its context is full, the first 16 tokens kept. */
  runnel_session_options slides = {
      .struct_bytes = sizeof slides, .when_full = RUNNEL_WHEN_FULL_SLIDE, .keep_tokens = 16};
  if (status == RUNNEL_OK) status = runnel_session_create(model, &slides, &session);

  /* At each key the text as it stands; nothing waits for the model. */
  for (size_t typed = 1; status == RUNNEL_OK && typed <= strlen(argv[2]); ++typed)
    status = runnel_sync(session, argv[2], typed);

  /* Enter. A fork answers the same prompt, which is not computed again. */
  if (status == RUNNEL_OK) status = runnel_session_fork(session, &other);
  if (status == RUNNEL_OK) status = answer(session, 1);
  if (status == RUNNEL_OK) status = answer(other, 2);

  /* The system is short of memory: what no session holds can go. */
  runnel_kv_usage usage = {.struct_bytes = sizeof usage};
  if (status == RUNNEL_OK) status = runnel_model_trim(model, RUNNEL_TRIM_PREFIXES, NULL);
  if (status == RUNNEL_OK) status = runnel_model_kv_usage(model, &usage);
  if (status == RUNNEL_OK)
    printf("KV pages: %llu bytes in use, %llu saved by sharing\n", (unsigned long long)usage.used_bytes,
           (unsigned long long)usage.shared_bytes);
  else
    fprintf(stderr, "%s: %s\n", runnel_status_name(status), runnel_last_message());

  runnel_session_free(other);
  runnel_session_free(session);
  runnel_model_free(model);
  return status == RUNNEL_OK ? 0 : 1;
}
