// runnel run: generate text from a prompt, a chat, a file of messages or token ids.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "kernels/base/clock.h"
#include "runnel/session.h"
#include "runtime/os/memory_figures.h"
#include "runtime/session/session_state.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/model_options.h"
#include "tools/runnel/text_input.h"
#include "tools/runnel/verified_files.h"

namespace runnel::tools {
namespace {

struct Options {
  ModelOptions model;
  std::string prompt, messages, ids, system, tools, save, restore;
  std::vector<std::string> stop;
  bool has_prompt = false, has_seed = false, chat = false, json = false, quiet = false, ignore_eos = false,
       show_special = false;
  uint32_t max_tokens = 0;
  SamplerOptions sampler;
};

// What restoring and saving the session took.
struct SnapshotFigures {
  uint32_t restored_tokens = 0;
  double restore_ms = 0, save_ms = 0;
  SnapshotSaved saved;
};

std::string message(const char* role, const std::string& content) {
  return Json{{"role", role}, {"content", content}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void print_figures(const Generation& generation, const MemoryPlan& plan) {
  std::fprintf(stderr, "prompt %u tokens, first token after %.1f ms", generation.prompt_tokens, generation.ttft_ms);
  if (generation.prefill_tok_s > 0) std::fprintf(stderr, " (%.1f tokens/s)", generation.prefill_tok_s);
  std::fprintf(stderr, "; %zu tokens", generation.ids.size());
  if (generation.decode_tok_s > 0) std::fprintf(stderr, " at %.1f tokens/s", generation.decode_tok_s);
  std::fprintf(stderr, ", ended by %s; peak memory %.1f MB\n", finish_reason_name(generation.finish),
               static_cast<double>(process_memory().peak_rss_bytes) / (1 << 20));
  if (plan.weights_mode != WeightsMode::mapped)
    std::fprintf(stderr, "weights %s: %s\n", weights_mode_name(plan.weights_mode), plan.weights_note);
}

GenerateOptions generate_options(const Options& options, const std::vector<std::string_view>& stop) {
  GenerateOptions generate;
  generate.max_tokens = options.max_tokens;
  generate.sampler = options.sampler;
  generate.stop = stop;
  generate.ignore_end = options.ignore_eos;
  generate.show_special = options.show_special;
  generate.keep_generator = !options.restore.empty() && !options.has_seed;
  return generate;
}

// For InterruptWatch: ends the prompt or the answer in progress.
void stop_session(void* session) { static_cast<Session*>(session)->cancel(); }

// The ids that the options describe. A text that goes on from a session has no beginning of its own.
Status prompt_ids(const Options& options, const Model& model, bool begins, Array<int32_t>* ids) {
  if (!options.ids.empty()) {
    RUNNEL_ASSIGN(const std::vector<int32_t> given, parse_ids("run", options.ids));
    return ids->append(given) ? Status() : out_of_memory("run", "the ids");
  }
  ChatOptions chat;
  chat.tools_json = options.tools;
  if (!options.messages.empty()) {
    RUNNEL_ASSIGN(const std::string messages, read_file("run", options.messages));
    return model.tokenize_chat(messages, chat, ids);
  }
  if (options.chat) {
    std::string messages = "[";
    if (!options.system.empty()) messages += message("system", options.system) + ",";
    messages += message("user", options.prompt) + "]";
    return model.tokenize_chat(messages, chat, ids);
  }
  return model.tokenize(options.prompt, {.add_special = begins}, ids);
}

double since_ms(uint64_t begin_ns) { return static_cast<double>(now_ns() - begin_ns) / 1e6; }

// Quietly, or with a line of figures.
Status save_session(const Options& options, Session& session, SnapshotFigures* figures) {
  if (options.save.empty()) return {};
  RUNNEL_TRY(session.model().settle());  // what damaged weights computed is not kept
  const uint64_t begin = now_ns();
  RUNNEL_TRY(session_state(session).save(options.save.c_str(), &figures->saved));
  figures->save_ms = since_ms(begin);
  if (!options.quiet && !options.json)
    std::fprintf(stderr, "session saved in %.1f ms, %.1f MB written\n", figures->save_ms,
                 static_cast<double>(figures->saved.written_bytes) / (1 << 20));
  return {};
}

Status run_once(const Options& options, const Model& model, Session& session, SnapshotFigures* figures) {
  const uint32_t restored = figures->restored_tokens;
  const bool is_chat = options.chat || !options.messages.empty();
  Array<int32_t> ids;
  if (is_chat || options.has_prompt || !options.ids.empty())
    RUNNEL_TRY(prompt_ids(options, model, restored == 0, &ids));
  const InterruptWatch watch(stop_session, &session);
  if (ids.empty() && restored == 0)
    return Status::error(Code::invalid_argument, "run: the prompt is empty and the model adds no token of its own");
  // A chat is rendered whole: what the session has of it already is not computed again.
  const Status appended = is_chat ? session.replace(ids) : session.append(ids);
  if (appended.code() == Code::cancelled) return Status::error(Code::cancelled, "run: interrupted");
  RUNNEL_TRY(appended);
  std::string text;
  Status printed;
  const std::vector<std::string_view> stop(options.stop.begin(), options.stop.end());
  RUNNEL_ASSIGN(const Generation generation,
                session.generate(generate_options(options, stop), [&](std::string_view piece) {
                  if (options.json) {
                    text.append(piece);
                  } else {
                    printed = print_text(piece);
                  }
                  return printed.ok();
                }));
  RUNNEL_TRY(printed);
  if (generation.finish == FinishReason::cancelled && interrupted())
    return Status::error(Code::cancelled, "run: interrupted after %zu tokens", generation.ids.size());
  if (!options.json) {
    RUNNEL_TRY(print_text("\n"));
    if (!options.quiet) print_figures(generation, model.plan());
    return save_session(options, session, figures);
  }
  RUNNEL_TRY(save_session(options, session, figures));
  print_json({{"text", text},
              {"ids", std::vector<int32_t>(generation.ids.begin(), generation.ids.end())},
              {"prompt_tokens", generation.prompt_tokens},
              {"restored_tokens", restored},
              {"restore_ms", figures->restore_ms},
              {"save_ms", figures->save_ms},
              {"saved_bytes", figures->saved.written_bytes},
              {"finish_reason", finish_reason_name(generation.finish)},
              {"ttft_ms", generation.ttft_ms},
              {"prefill_tok_s", generation.prefill_tok_s},
              {"decode_tok_s", generation.decode_tok_s},
              {"peak_rss_bytes", process_memory().peak_rss_bytes},
              {"device", std::string(model.info().device)},
              {"device_note", std::string(model.info().device_note)},
              {"placement", placement_json(model)},
              {"model", model_json(model.info())}});
  return {};
}

// One line in, one answer out, the whole conversation rendered anew each time; what is computed already is kept.
Status run_interactive(const Options& options, const Model& model, Session& session, SnapshotFigures* figures) {
  if (!model.info().has_chat_template)
    return Status::error(Code::unsupported, "run: the model has no chat template; use -p for plain text");
  Json messages = Json::array();
  if (!options.system.empty()) messages.push_back({{"role", "system"}, {"content", options.system}});
  const bool person = isatty(STDIN_FILENO) == 1;
  if (person) std::fprintf(stderr, "%s. An empty line or Ctrl-D ends.\n", std::string(model.info().name).c_str());
  const std::vector<std::string_view> stop(options.stop.begin(), options.stop.end());
  for (std::string line;;) {
    if (person) std::fputs("> ", stderr);
    if (!std::getline(std::cin, line) || line.empty()) return save_session(options, session, figures);
    messages.push_back({{"role", "user"}, {"content", line}});
    ChatOptions chat;
    chat.tools_json = options.tools;
    Array<int32_t> ids;
    RUNNEL_TRY(model.tokenize_chat(messages.dump(-1, ' ', false, Json::error_handler_t::replace), chat, &ids));
    // Ctrl-C ends the answer, and the conversation with it; at the prompt, it ends the process.
    const InterruptWatch watch(stop_session, &session);
    const Status replaced = session.replace(ids);
    if (replaced.code() == Code::cancelled) return Status::error(Code::cancelled, "run: interrupted");
    RUNNEL_TRY(replaced);
    std::string text;
    Status printed;
    RUNNEL_ASSIGN(const Generation generation,
                  session.generate(generate_options(options, stop), [&](std::string_view piece) {
                    text.append(piece);
                    printed = print_text(piece);
                    return printed.ok();
                  }));
    RUNNEL_TRY(printed);
    RUNNEL_TRY(print_text("\n"));
    if (!options.quiet) print_figures(generation, model.plan());
    if (interrupted()) return save_session(options, session, figures);
    messages.push_back({{"role", "assistant"}, {"content", text}});
  }
}

Status run(const Options& options) {
  const bool interactive = options.chat && !options.has_prompt && options.messages.empty();
  if (!interactive && !options.has_prompt && options.messages.empty() && options.ids.empty() && options.restore.empty())
    return Status::error(Code::invalid_argument,
                         "run: nothing to do; give -p TEXT, --chat, --messages FILE, --ids or --restore-session FILE");
  if (interactive && options.json)
    return Status::error(Code::invalid_argument, "run: --json needs one turn; give --chat -p TEXT");
  RUNNEL_ASSIGN(const Model model, open_model(options.model));
  if (!options.quiet && !options.json) print_placement(model);
  RUNNEL_ASSIGN(Session session, Session::create(model));
  SnapshotFigures figures;
  if (!options.restore.empty()) {
    const uint64_t begin = now_ns();
    RUNNEL_TRY(session.restore(options.restore.c_str()));
    figures.restore_ms = since_ms(begin);
    figures.restored_tokens = session.position();
    if (!options.quiet && !options.json)
      std::fprintf(stderr, "%u tokens restored in %.1f ms\n", figures.restored_tokens, figures.restore_ms);
  }
  Status status =
      interactive ? run_interactive(options, model, session, &figures) : run_once(options, model, session, &figures);
  // Weights that were hashed behind their use may be found broken after the last token. What is whole is remembered.
  if (status.ok()) status = model.settle();
  if (status.ok() && model.verified()) remember_verified(model.info().fingerprint);
  return status;
}

}  // namespace

void add_run(Parser& parser) {
  auto options = std::make_shared<Options>();
  Arguments arguments = parser.subcommand("run", "Generate text: from a prompt, a chat, messages or ids");
  add_model(arguments, options->model);
  arguments.group("What to answer");
  Option prompt = arguments.add("-p,--prompt", &options->prompt, "TEXT",
                                "The prompt. Text of special tokens becomes their id, except with --chat");
  Option chat = arguments.flag("--chat", &options->chat,
                               "Through the model's chat template: with -p one turn, alone a conversation");
  arguments.add("--system", &options->system, "TEXT", "System message for --chat");
  Option messages = arguments.add("--messages", &options->messages, "FILE",
                                  "JSON file of chat messages: [{\"role\": ..., \"content\": ...}]; - for stdin");
  arguments.add("--tools", &options->tools, "JSON", "Array of tools for the chat template");
  Option ids = arguments.add("--ids", &options->ids, "IDS", "Token ids: 1,2,3");
  arguments.add("--restore-session", &options->restore, "FILE",
                "Goes on from a saved session: -p and --ids follow what it holds, a chat keeps what it has in common");
  chat.excludes(ids).excludes(messages);
  prompt.excludes(ids).excludes(messages);
  ids.excludes(messages);

  arguments.group("The answer");
  arguments.add("-n,--max-tokens", &options->max_tokens, "N",
                "Tokens to generate at most; without it, until the context is full");
  SamplerOptions& sampler = options->sampler;
  arguments.add("--temp", &sampler.temperature, "X", "Temperature; 0 takes the likeliest token").show_default();
  arguments.add("--top-k", &sampler.top_k, "K", "Keep the k likeliest tokens; 0: all").show_default();
  arguments.add("--top-p", &sampler.top_p, "P", "Keep the likeliest tokens up to this sum of probabilities")
      .show_default();
  arguments.add("--min-p", &sampler.min_p, "P", "Keep tokens at least this share as likely as the likeliest")
      .show_default();
  arguments.add("--repeat-penalty", &sampler.repetition_penalty, "X", "Divides logits of tokens seen before")
      .show_default();
  arguments.add("--presence-penalty", &sampler.presence_penalty, "X", "Subtracted once from tokens seen before")
      .show_default();
  arguments.add("--frequency-penalty", &sampler.frequency_penalty, "X", "Subtracted for each time a token was seen")
      .show_default();
  Option seed = arguments.add("--seed", &sampler.seed, "N",
                              "Same seed, same text. Without it, a restored session draws on where it was");
  seed.show_default();
  arguments.add("--stop", &options->stop, "TEXT", "Text that ends the answer; may be given several times");
  arguments.flag("--ignore-eos", &options->ignore_eos, "Go on past end-of-generation tokens");
  arguments.flag("--special", &options->show_special, "Show special tokens in the text");
  arguments.add("--save-session", &options->save, "FILE",
                "Saves the session at the end: to a file with an earlier state of it, only what has changed");
  arguments.flag("--json", &options->json, "Print one JSON object");
  arguments.flag("-q,--quiet", &options->quiet, "No figures at the end");
  add_model_options(arguments, options->model);
  arguments.example("runnel run model.rnl -p \"Once upon a time\" -n 200 --temp 0.8 --top-p 0.95");
  arguments.example("runnel run model.rnl --chat                            a conversation");
  arguments.example("runnel run model.rnl --chat -p \"Who are you?\" --json   one turn, for a script");
  arguments.example("runnel run model.rnl --restore-session s.rns --save-session s.rns -p \" And then\"");
  arguments.runs([options, prompt, seed] {
    options->has_prompt = prompt.given();
    options->has_seed = seed.given();
    return run(*options);
  });
}

}  // namespace runnel::tools
