#include "tools/runnel/arguments.h"

#include <CLI/CLI.hpp>
#include <cctype>
#include <memory>

namespace runnel::tools {
namespace {

constexpr size_t kTextColumn = 28, kWidth = 100;

// `first` (an option's name), then the text in a column of its own, wrapped.
std::string in_columns(std::string first, const std::string& text) {
  std::string out = "  " + first;
  size_t column = out.size();
  if (column + 2 > kTextColumn) {
    out += "\n";
    column = 0;
  }
  out.append(kTextColumn - column, ' ');
  column = kTextColumn;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (column > kTextColumn && column + 1 + (end - at) > kWidth) {
      out += "\n" + std::string(kTextColumn, ' ');
      column = kTextColumn;
    } else if (column > kTextColumn) {
      out += ' ';
      ++column;
    }
    out.append(text, at, end - at);
    column += end - at;
    at = end + 1;
  }
  return out + "\n";
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

class HelpText : public CLI::Formatter {
 public:
  HelpText() { label("Positionals", "Arguments"); }

  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string out = CLI::Formatter::make_help(app, name, mode);
    for (size_t at; (at = out.find("\n\n\n")) != std::string::npos;) out.erase(at, 1);
    return out;
  }

  std::string make_option(const CLI::Option* option, bool by_place) const override {
    std::string text = option->get_description();
    if (!option->get_default_str().empty()) text += " [" + option->get_default_str() + "]";
    if (by_place) return in_columns(upper(option->get_name(true, false)), text);
    const std::string type = option->get_type_name();
    return in_columns(option->get_name(false, true) + (type.empty() ? "" : " " + type.substr(0, type.find(':'))), text);
  }

  std::string make_subcommand(const CLI::App* sub) const override {
    return in_columns(sub->get_name(), sub->get_description());
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string out = "\nUsage: " + name;
    for (const CLI::Option* option : app->get_options())
      if (option->get_positional()) out += " " + upper(option->get_name(true, false));
    // What cannot be left out stands in the usage line.
    for (const CLI::Option* option : app->get_options())
      if (option->get_required() && !option->get_positional())
        out += " " + (option->get_snames().empty() ? option->get_name() : "-" + option->get_snames()[0]) + " " +
               option->get_type_name();
    return out + (app->get_subcommands({}).empty() ? " [OPTIONS]\n" : " SUBCOMMAND ...\n");
  }
};

}  // namespace

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::choices(const std::vector<std::string>& values) {
  std::string listed;
  for (const std::string& value : values) listed += (listed.empty() ? "" : ", ") + value;
  option_->check(CLI::IsMember(values));
  option_->description(option_->get_description() + " (" + listed + ")");
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Option& Option::needs(const Option& other) {
  option_->needs(other.option_);
  return *this;
}

bool Option::given() const { return option_->count() > 0; }

template <class T>
Option Arguments::add_any(const char* names, T* to, const char* value, const char* help) {
  CLI::Option* option = app_->add_option(names, *to, help);
  option->type_name(value)->group(group_);
  return Option(option);
}

Option Arguments::add(const char* names, std::string* to, const char* value, const char* help) {
  return add_any(names, to, value, help);
}
Option Arguments::add(const char* names, uint32_t* to, const char* value, const char* help) {
  return add_any(names, to, value, help);
}
Option Arguments::add(const char* names, uint64_t* to, const char* value, const char* help) {
  return add_any(names, to, value, help);
}
Option Arguments::add(const char* names, float* to, const char* value, const char* help) {
  return add_any(names, to, value, help);
}
Option Arguments::add(const char* names, std::vector<std::string>* to, const char* value, const char* help) {
  Option added = add_any(names, to, value, help);
  added.option_->allow_extra_args(false);  // one value each time: the next word is not another
  return added;
}
Option Arguments::add(const char* names, std::vector<uint32_t>* to, const char* value, const char* help) {
  Option added = add_any(names, to, value, help);
  added.option_->delimiter(',')->allow_extra_args(false);
  return added;
}

Option Arguments::flag(const char* name, bool* to, const char* help) {
  CLI::Option* option = app_->add_flag(name, *to, help);
  option->group(group_);
  return Option(option);
}

void Arguments::example(const char* line) {
  const std::string before = app_->get_footer();
  app_->footer((before.empty() ? "Examples:" : before) + "\n  " + line);
}

void Arguments::runs(std::function<Status()> run) {
  app_->callback([chosen = chosen_, run = std::move(run)] { *chosen = run; });
}

struct Parser::Impl {
  CLI::App app;
  std::function<Status()> chosen;
};

Parser::Parser(const char* about, const char* version) : impl_(new Impl{CLI::App{about, "runnel"}, {}}) {
  impl_->app.formatter(std::make_shared<HelpText>());
  impl_->app.set_help_flag("-h,--help", "This text; of a subcommand, its options");
  impl_->app.set_version_flag("--version", version, "The version");
  impl_->app.require_subcommand(1);
}

Parser::~Parser() { delete impl_; }

Arguments Parser::subcommand(const char* name, const char* about) {
  CLI::App* app = impl_->app.add_subcommand(name, about);
  app->get_help_ptr()->group("");  // asked for already when it is seen
  return Arguments(app, &impl_->chosen);
}

std::function<Status()> Parser::parse(int argc, const char* const* argv, int* exit_code) {
  CLI::App& app = impl_->app;
  *exit_code = 2;
  if (argc < 2) {
    std::fputs(app.help().c_str(), stderr);
    return {};
  }
  const auto named = app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == argv[1]; });
  if (named.empty() && argv[1][0] != '-') {
    std::fprintf(stderr, "runnel: %s is no subcommand (see runnel --help)\n", argv[1]);
    return {};
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      *exit_code = app.exit(error);
    } else {
      std::fprintf(stderr, "runnel: %s (see runnel %s--help)\n", error.what(),
                   named.empty() ? "" : (named[0]->get_name() + " ").c_str());
    }
    return {};
  }
  return std::move(impl_->chosen);
}

}  // namespace runnel::tools
