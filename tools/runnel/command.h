// How a subcommand is made: one file, one add_*() that declares its options and what to do when it is chosen.
#pragma once

#include <atomic>
#include <string_view>

#include "runnel/status.h"
#include "tools/runnel/arguments.h"

namespace runnel::tools {

void add_convert(Parser& parser);
void add_run(Parser& parser);
void add_inspect(Parser& parser);
void add_verify(Parser& parser);
void add_plan(Parser& parser);
void add_tokenize(Parser& parser);
void add_logits(Parser& parser);
void add_eval(Parser& parser);
void add_bench(Parser& parser);
void add_devices(Parser& parser);

// Parses, runs, prints an error as one line "runnel: ..." on stderr. The process's exit code: 0 only on success, 1 when
// the work failed, 2 when the arguments make no sense.
int run_command(int argc, const char* const* argv);

// io when what was printed does not reach standard output: a full disk, a reader that is gone.
Status flush_output();
// Text that a person waits for: written through at once.
Status print_text(std::string_view text);

// While one lives, the first SIGINT, SIGTERM or SIGHUP (Ctrl-C, kill, a closed terminal) sets interrupted() and calls
// `also`, from the signal handler, so that the work ends in order and leaves no partial file; a second one ends the
// process at once. Otherwise the first one does: right where nothing would be left behind. One at a time.
class InterruptWatch {
 public:
  explicit InterruptWatch(void (*also)(void* context) = nullptr, void* context = nullptr);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
};
bool interrupted();
const std::atomic<bool>& interrupt_flag();

}  // namespace runnel::tools
