// runnel tokenize: ids and pieces of a text or of chat messages, by the tokenizer of a model or of its source.
#include <memory>

#include "runtime/model/chat_encoding.h"
#include "tools/runnel/command.h"
#include "tools/runnel/json_output.h"
#include "tools/runnel/text_input.h"
#include "tools/runnel/tokenizer_input.h"

namespace runnel::tools {
namespace {

struct Options {
  std::string path, prompt, file, messages, tools;
  bool has_prompt = false, no_special = false, no_parse_special = false, json = false, count = false;
};

Status render_messages(const Options& options, const TokenizerInput& input, Array<char>* text, Array<int32_t>* ids) {
  if (input.chat_template.empty())
    return Status::error(Code::unsupported, "tokenize: %s has no chat template", options.path.c_str());
  RUNNEL_ASSIGN(const std::string messages, read_file("tokenize", options.messages));
  RUNNEL_ASSIGN(const ChatTemplate chat, ChatTemplate::compile(input.chat_template));
  ChatInput chat_input;
  chat_input.messages_json = messages;
  chat_input.tools_json = options.tools;
  chat_input.bos_token = input.bos_text;
  chat_input.eos_token = input.eos_text;
  Array<int32_t> control;
  RUNNEL_TRY(find_control_ids(*input.tokenizer, &control));
  return encode_chat(*input.tokenizer, control, chat, chat_input, text, ids);
}

Status run(const Options& options) {
  TokenizerInput input;
  RUNNEL_TRY(open_tokenizer(options.path, &input));
  Array<int32_t> ids;
  Array<char> rendered;
  if (!options.messages.empty()) {
    RUNNEL_TRY(render_messages(options, input, &rendered, &ids));
  } else {
    if (!options.has_prompt && options.file.empty())
      return Status::error(Code::invalid_argument, "tokenize: no text; give -p TEXT, -f FILE or --messages FILE");
    std::string text = options.prompt;
    if (!options.file.empty()) {
      RUNNEL_ASSIGN(text, read_file("tokenize", options.file));
    }
    RUNNEL_TRY(input.tokenizer->encode(
        text, {.add_special = !options.no_special, .parse_special = !options.no_parse_special}, &ids));
  }
  if (options.count && !options.json) {
    std::printf("%zu\n", ids.size());
    return {};
  }
  std::vector<std::string> pieces;
  for (const int32_t id : ids) {
    RUNNEL_ASSIGN(const std::string_view piece, input.tokenizer->piece(id, true));
    pieces.emplace_back(piece);
  }
  if (options.json) {
    Json json = {{"ids", std::vector<int32_t>(ids.begin(), ids.end())}, {"pieces", pieces}};
    json["rendered"] = options.messages.empty() ? Json(nullptr) : Json(std::string(rendered.data(), rendered.size()));
    print_json(json);
    return {};
  }
  for (size_t i = 0; i < pieces.size(); ++i)
    std::printf("%8d  %s\n", ids[i], Json(pieces[i]).dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  return {};
}

}  // namespace

void add_tokenize(Parser& parser) {
  auto options = std::make_shared<Options>();
  Arguments arguments = parser.subcommand("tokenize", "Ids and pieces of a text");
  arguments
      .add("model", &options->path, "FILE",
           "Model file, GGUF file, tokenizer.json, tokenizer.model or Hugging Face folder")
      .required();
  const Option prompt = arguments.add("-p,--prompt", &options->prompt, "TEXT", "The text");
  const Option file =
      arguments.add("-f,--file", &options->file, "FILE", "File with the text; - for stdin").excludes(prompt);
  arguments
      .add("--messages", &options->messages, "FILE",
           "JSON file of chat messages, rendered by the chat template; - for stdin")
      .excludes(prompt)
      .excludes(file);
  arguments.add("--tools", &options->tools, "JSON", "Array of tools for the chat template");
  arguments.flag("--no-special", &options->no_special, "Add no token before or after the text (BOS, EOS)");
  arguments.flag("--no-parse-special", &options->no_parse_special, "Text of special tokens stays text");
  arguments.flag("--count", &options->count, "Print the number of tokens only");
  arguments.flag("--json", &options->json, "Print one JSON object");
  arguments.example("runnel tokenize model.rnl -p \"Once upon a time\"");
  arguments.example("runnel tokenize Qwen3-0.6B/ -f book.txt --count");
  arguments.runs([options, prompt] {
    options->has_prompt = prompt.given();
    return run(*options);
  });
}

}  // namespace runnel::tools
