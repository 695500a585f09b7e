#include "tools/runnel/command.h"

#include <csignal>
#include <cstdio>
#include <exception>

#include "kernels/isa.h"

namespace runnel::tools {
namespace {

std::atomic<bool> g_interrupted = false;
void (*g_also)(void*) = nullptr;
void* g_also_context = nullptr;

extern "C" void on_signal(int number) {
  if (g_interrupted.exchange(true)) {
    std::signal(number, SIG_DFL);
    std::raise(number);
    return;
  }
  if (g_also != nullptr) g_also(g_also_context);
}

constexpr const char* kAbout =
    "Runnel runs language models inside apps: one file, mapped, within a memory budget.\n\n"
    "A first run:\n"
    "  runnel convert model.gguf -o model.rnl      make a model file (also from a Hugging Face folder)\n"
    "  runnel run model.rnl -p \"Once upon a time\"  generate text\n"
    "  runnel run model.rnl --chat                 talk to it\n\n"
    "Every subcommand has its own --help.";

}  // namespace

bool interrupted() { return g_interrupted.load(); }

const std::atomic<bool>& interrupt_flag() { return g_interrupted; }

void watch_interrupts(void (*also)(void*), void* context) {
  g_also = also;
  g_also_context = context;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  // A full disk or a closed pipe is an error of write(), reported as one line, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void print_json(const Json& value) {
  const std::string text = value.dump(1, ' ', false, Json::error_handler_t::replace);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

int run_command(int argc, const char* const* argv) {
  try {
    CLI::App app{kAbout, "runnel"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "runnel " RUNNEL_VERSION);
    Chosen chosen;
    add_convert(app, chosen);
    add_run(app, chosen);
    add_inspect(app, chosen);
    add_verify(app, chosen);
    add_plan(app, chosen);
    add_tokenize(app, chosen);
    add_logits(app, chosen);
    add_eval(app, chosen);
    add_bench(app, chosen);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
      std::fprintf(stderr, "runnel: %s (see runnel --help)\n", error.what());
      return 2;
    }
    watch_interrupts();
    if (const char* unknown = unknown_isa_request(); unknown != nullptr)
      std::fprintf(stderr, "runnel: RUNNEL_ISA=%s is no instruction set that this build knows; ignored\n", unknown);
    const Status status = chosen.run ? chosen.run() : Status();
    if (status.ok() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return 0;
    if (status.ok()) {
      std::fprintf(stderr, "runnel: cannot write the output\n");
    } else {
      std::fprintf(stderr, "runnel: %s\n", status.message());
    }
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "runnel: %s\n", error.what());
    return 1;
  }
}

}  // namespace runnel::tools
