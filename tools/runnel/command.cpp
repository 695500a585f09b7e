#include "tools/runnel/command.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>

#include "kernels/isa.h"

namespace runnel::tools {
namespace {

std::atomic<bool> g_interrupted = false;
void (*volatile g_also)(void*) = nullptr;
void* volatile g_also_context = nullptr;

extern "C" void on_signal(int number) {
  if (g_interrupted.exchange(true)) {
    std::signal(number, SIG_DFL);
    std::raise(number);
    return;
  }
  if (g_also != nullptr) g_also(g_also_context);
}

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP};

// What the command relies on, whatever it was started from.
void settle_surroundings() {
  // A full disk or a closed pipe is an error of write(), reported as one line, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // A standard stream that is closed would lend its number to the next file: what is printed must not land in a model.
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream)
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF) (void)!::open("/dev/null", O_RDONLY);
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

InterruptWatch::InterruptWatch(void (*also)(void*), void* context) {
  g_also_context = context;
  g_also = also;
  // One that is ignored on purpose (nohup) stays ignored.
  for (const int number : kEnding)
    if (std::signal(number, on_signal) == SIG_IGN) std::signal(number, SIG_IGN);
}

InterruptWatch::~InterruptWatch() {
  for (const int number : kEnding)
    if (std::signal(number, SIG_DFL) == SIG_IGN) std::signal(number, SIG_IGN);
  g_also = nullptr;
}

Status flush_output() {
  if (std::ferror(stdout) != 0) return Status::error(Code::io, "cannot write to standard output");
  if (std::fflush(stdout) == 0) return {};
  return Status::error(Code::io, "cannot write to standard output: %s", std::strerror(errno));
}

Status print_text(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return Status::error(Code::io, "cannot write to standard output: %s", std::strerror(errno));
}

int run_command(int argc, const char* const* argv) {
  try {
    Parser parser(kAbout, "runnel " RUNNEL_VERSION);
    add_convert(parser);
    add_run(parser);
    add_plan(parser);
    add_inspect(parser);
    add_verify(parser);
    add_tokenize(parser);
    add_logits(parser);
    add_eval(parser);
    add_bench(parser);
    add_devices(parser);
    int exit_code = 0;
    const std::function<Status()> chosen = parser.parse(argc, argv, &exit_code);
    if (!chosen) return exit_code;
    settle_surroundings();
    if (const char* unknown = unknown_isa_request(); unknown != nullptr)
      std::fprintf(stderr, "runnel: RUNNEL_ISA=%s is no instruction set that this build knows; ignored\n", unknown);
    Status status = chosen();
    if (status.ok()) status = flush_output();
    if (status.ok()) return 0;
    std::fprintf(stderr, "runnel: %s\n", status.message());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "runnel: %s\n", error.what());
    return 1;
  }
}

}  // namespace runnel::tools
