// How a subcommand is made: one file, one add_*() that declares its options and what to do when it is chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>

#include "runnel/status.h"

namespace runnel::tools {

using Json = nlohmann::ordered_json;

// What the chosen subcommand does once the arguments are parsed.
struct Chosen {
  std::function<Status()> run;
};

void add_convert(CLI::App& app, Chosen& chosen);
void add_run(CLI::App& app, Chosen& chosen);
void add_inspect(CLI::App& app, Chosen& chosen);
void add_verify(CLI::App& app, Chosen& chosen);
void add_plan(CLI::App& app, Chosen& chosen);
void add_tokenize(CLI::App& app, Chosen& chosen);
void add_logits(CLI::App& app, Chosen& chosen);
void add_eval(CLI::App& app, Chosen& chosen);
void add_bench(CLI::App& app, Chosen& chosen);

// Parses, runs, prints an error as one line "runnel: ..." on stderr. The process's exit code: 0 only on success, 1 when
// the work failed, 2 when the arguments make no sense.
int run_command(int argc, const char* const* argv);

// io when what was printed does not reach standard output: a full disk, a reader that is gone.
Status flush_output();
// Text that a person waits for: written through at once.
Status print_text(std::string_view text);

// One JSON object on stdout, and nothing else there. Bytes that are not UTF-8 come out as U+FFFD.
void print_json(const Json& value);

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
