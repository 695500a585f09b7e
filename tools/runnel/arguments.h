// Options of a subcommand: declared once, for the parser and for --help. CLI11 stays behind this header: it costs
// seconds of compile time in every file that sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runnel/status.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace runnel::tools {

// One option. Borrowed from its subcommand; copies are the same option.
class Option {
 public:
  Option& required();
  Option& show_default();  // in --help: what the variable holds now
  Option& choices(const std::vector<std::string>& values);
  Option& excludes(const Option& other);
  Option& needs(const Option& other);
  bool given() const;  // once the arguments are parsed

 private:
  friend class Arguments;
  explicit Option(CLI::Option* option) : option_(option) {}
  CLI::Option* option_;
};

// A subcommand. The variables that options are stored in must outlive the parsing. `value` is what --help calls an
// option's value ("FILE"); `names` are as "-o,--output", or a word without dashes for an argument by place.
class Arguments {
 public:
  // What follows stands under this title in --help.
  void group(const char* title) { group_ = title; }
  Option add(const char* names, std::string* to, const char* value, const char* help);
  Option add(const char* names, uint32_t* to, const char* value, const char* help);
  Option add(const char* names, uint64_t* to, const char* value, const char* help);
  Option add(const char* names, float* to, const char* value, const char* help);
  Option add(const char* names, std::vector<std::string>* to, const char* value, const char* help);  // given repeatedly
  Option add(const char* names, std::vector<uint32_t>* to, const char* value, const char* help);     // 1,2,3
  Option flag(const char* name, bool* to, const char* help);
  // A line of "Examples:" at the end of --help.
  void example(const char* line);
  // What to do when the subcommand is chosen, after parsing.
  void runs(std::function<Status()> run);

 private:
  friend class Parser;
  Arguments(CLI::App* app, std::function<Status()>* chosen) : app_(app), chosen_(chosen) {}
  template <class T>
  Option add_any(const char* names, T* to, const char* value, const char* help);

  CLI::App* app_;
  std::function<Status()>* chosen_;
  std::string group_ = "Options";
};

// The whole command line.
class Parser {
 public:
  Parser(const char* about, const char* version);
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  Arguments subcommand(const char* name, const char* about);
  // Empty when there is nothing left to do: --help and --version were printed, or the error was (on stderr);
  // *exit_code says which.
  std::function<Status()> parse(int argc, const char* const* argv, int* exit_code);

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace runnel::tools
