/* Usage: embed_c MODEL.rnl "prompt" */
#include <runnel/runnel.h>
#include <stdio.h>
#include <string.h>

/* Whole UTF-8 characters, as they come. Returning false would stop the answer. */
static bool show(void* context, const char* text, size_t bytes) {
  fwrite(text, 1, bytes, (FILE*)context);
  fflush((FILE*)context);
  return true;
}

int main(int argc, char** argv) {
  runnel_model* model = NULL;
  runnel_session* session = NULL;
  runnel_status status;
  if (argc != 3) {
    fprintf(stderr, "usage: %s MODEL.rnl PROMPT\n", argv[0]);
    return 2;
  }

  /* At most 500 MB of private memory; the weights are mapped and cost none of it. */
  runnel_open_options open_options = {.struct_bytes = sizeof open_options, .budget_bytes = 500000000};
  status = runnel_model_open(argv[1], &open_options, &model);
  if (status == RUNNEL_OK) status = runnel_session_create(model, NULL, &session);
  if (status == RUNNEL_OK) status = runnel_append_text(session, argv[2], strlen(argv[2]));

  runnel_sampler_options sampler = {.struct_bytes = sizeof sampler, .temperature = 0.8f, .top_p = 0.95f, .seed = 42};
  runnel_generate_options options = {.struct_bytes = sizeof options, .max_tokens = 64, .sampler = &sampler};
  runnel_generation done = {.struct_bytes = sizeof done};
  if (status == RUNNEL_OK) status = runnel_generate(session, &options, show, stdout, &done);
  if (status == RUNNEL_OK)
    printf("\n%u tokens, first after %.1f ms, then %.1f a second\n", (unsigned)done.generated_tokens, done.ttft_ms,
           done.decode_tok_s);
  else
    fprintf(stderr, "%s: %s\n", runnel_status_name(status), runnel_last_message());

  runnel_session_free(session);
  runnel_model_free(model);
  return status == RUNNEL_OK ? 0 : 1;
}
