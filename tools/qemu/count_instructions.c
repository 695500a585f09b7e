// A plugin of qemu-user that counts the guest's instructions: in all, by function and by instruction.
//
//   qemu-aarch64 -plugin libcount_instructions.so,out=FILE[,by=function|mnemonic] ...
//
// out=FILE receives at exit `total COUNT` and, with by=function, `COUNT FUNCTION` lines, with by=mnemonic
// `COUNT FUNCTION MNEMONIC` lines. Functions are those that the guest program's symbol table names; the rest (stripped
// libraries) counts as `?`. Counts are added as blocks begin and are not atomic: meant for a guest of one thread.
//
// Distributions leave qemu-plugin.h out of their packages, so what is used of its API (version 1) is declared here.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* block);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* block, size_t index);
const char* qemu_plugin_insn_symbol(const struct qemu_plugin_insn* insn);
char* qemu_plugin_insn_disas(const struct qemu_plugin_insn* insn);  // malloc'ed; freed by the caller
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t id, struct qemu_plugin_tb* block));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb* block, enum qemu_plugin_op op, void* counter,
                                              uint64_t addend);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t id, void* data), void* data);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = 1;

enum { kBuckets = 1 << 14, kNameBytes = 32 };

// One row of the report. Rows are never freed or moved: translated blocks hold the address of `count`.
struct Row {
  struct Row* next;
  uint64_t count;
  char mnemonic[kNameBytes];  // empty unless by=mnemonic
  char function[];
};

static enum { kTotal, kFunction, kMnemonic } detail;
static const char* out_path;
static uint64_t total;
static struct Row* buckets[kBuckets];

static uint32_t hash(const char* text, uint32_t seed) {
  for (; *text != 0; ++text) seed = (seed ^ (uint8_t)*text) * 16777619u;
  return seed;
}

// The row of a function and mnemonic, made if it is new. Null when memory is out: the row is then missing.
static struct Row* find_row(const char* function, const char* mnemonic) {
  struct Row** bucket = &buckets[hash(mnemonic, hash(function, 2166136261u)) % kBuckets];
  for (struct Row* row = *bucket; row != NULL; row = row->next)
    if (strcmp(row->function, function) == 0 && strcmp(row->mnemonic, mnemonic) == 0) return row;
  const size_t name_bytes = strlen(function) + 1;
  struct Row* row = calloc(1, sizeof(*row) + name_bytes);
  if (row == NULL) return NULL;
  memcpy(row->function, function, name_bytes);
  snprintf(row->mnemonic, sizeof(row->mnemonic), "%s", mnemonic);
  row->next = *bucket;
  *bucket = row;
  return row;
}

static void add_instruction(struct qemu_plugin_tb* block, const struct qemu_plugin_insn* insn) {
  const char* symbol = qemu_plugin_insn_symbol(insn);
  char mnemonic[kNameBytes] = "";
  if (detail == kMnemonic) {
    char* text = qemu_plugin_insn_disas(insn);
    if (text != NULL) snprintf(mnemonic, sizeof(mnemonic), "%.*s", (int)strcspn(text, " \t"), text);
    free(text);
  }
  struct Row* row = find_row(symbol != NULL ? symbol : "?", mnemonic);
  if (row != NULL) qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &row->count, 1);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb* block) {
  (void)id;
  const size_t instructions = qemu_plugin_tb_n_insns(block);
  qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &total, instructions);
  if (detail == kTotal) return;
  for (size_t i = 0; i < instructions; ++i) add_instruction(block, qemu_plugin_tb_get_insn(block, i));
}

static void report(qemu_plugin_id_t id, void* data) {
  (void)id;
  (void)data;
  FILE* out = fopen(out_path, "w");
  if (out == NULL) {
    fprintf(stderr, "count_instructions: cannot write %s\n", out_path);
    return;
  }
  fprintf(out, "total %llu\n", (unsigned long long)total);
  for (size_t i = 0; i < kBuckets; ++i)
    for (const struct Row* row = buckets[i]; row != NULL; row = row->next)
      if (row->count != 0)
        fprintf(out, "%llu %s%s%s\n", (unsigned long long)row->count, row->function, row->mnemonic[0] != 0 ? " " : "",
                row->mnemonic);
  if (fclose(out) != 0) fprintf(stderr, "count_instructions: %s is incomplete\n", out_path);
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc, char** argv) {
  (void)info;
  for (int i = 0; i < argc; ++i) {
    if (strncmp(argv[i], "out=", 4) == 0) {
      out_path = strdup(argv[i] + 4);
    } else if (strcmp(argv[i], "by=function") == 0) {
      detail = kFunction;
    } else if (strcmp(argv[i], "by=mnemonic") == 0) {
      detail = kMnemonic;
    } else {
      fprintf(stderr, "count_instructions: unknown option %s\n", argv[i]);
      return 1;
    }
  }
  if (out_path == NULL) {
    fprintf(stderr, "count_instructions: out=FILE is missing\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_atexit_cb(id, report, NULL);
  return 0;
}
