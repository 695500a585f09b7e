/* What an app in C does: open under a budget, ask, stream the answer. app MODEL QUERY */
#include <runnel/runnel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool print_piece(void* context, const char* text, size_t bytes) {
  (void)context;
  return fwrite(text, 1, bytes, stdout) == bytes;
}

static int fail(const char* what) {
  fprintf(stderr, "app: %s: %s\n", what, runnel_last_message());
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  runnel_open_options open_options = {
      .struct_bytes = sizeof open_options, .context_tokens = 256, .budget_bytes = 64u << 20};
  runnel_model* model = NULL;
  if (runnel_model_open(argv[1], &open_options, &model) != RUNNEL_OK) return fail("open");
  runnel_session* session = NULL;
  if (runnel_session_create(model, NULL, &session) != RUNNEL_OK) return fail("session");
  char messages[512];
  const int bytes = snprintf(messages, sizeof messages, "[{\"role\":\"user\",\"content\":\"%s\"}]", argv[2]);
  if (runnel_set_chat(session, messages, (size_t)bytes) != RUNNEL_OK) return fail("chat");
  runnel_generate_options options = {.struct_bytes = sizeof options, .max_tokens = 96};
  runnel_generation generation = {.struct_bytes = sizeof generation};
  if (runnel_generate(session, &options, print_piece, NULL, &generation) != RUNNEL_OK) return fail("generate");
  printf("\n");
  runnel_session_free(session);
  runnel_model_free(model);
  return generation.finish == RUNNEL_FINISH_END ? 0 : 1;
}
