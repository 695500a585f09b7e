// Run: the state of one rendering: memory, the steps left, nesting, and the first thing that went wrong.
//
// Failure is sticky: after fail(), every operation returns undefined at once and the rendering unwinds. Work is bounded
// in four ways, whatever the template: arena bytes, steps (a node, a compared element or 64 bytes of text is one),
// nesting of evaluation (so the stack cannot overflow), and the 100,000 elements of a range.
#pragma once

#include <cstdint>
#include <string_view>

#include "runnel/status.h"
#include "runtime/template/arena.h"
#include "runtime/template/value.h"

namespace runnel::jinja {

inline constexpr uint32_t kMaxNesting = 400;  // nested nodes in evaluation; a frame of it is under 400 bytes
inline constexpr uint32_t kMaxRange = 100'000;

class Run {
 public:
  Run(Arena& arena, uint64_t steps, int64_t now_seconds) noexcept
      : now_seconds(now_seconds), arena_(arena), steps_left_(steps), steps_(steps) {}

  // Keeps the first failure. Returns undefined so that callers can `return run.fail(...)`.
  [[gnu::format(printf, 3, 4)]] Value fail(Code code, const char* format, ...) noexcept;
  // invalid_argument: what a template or its input did wrong.
  [[gnu::format(printf, 2, 3)]] Value raise(const char* format, ...) noexcept;
  bool failed() const noexcept { return failed_; }
  Status take_status() noexcept { return std::move(status_); }

  // Spends steps; false, and failed, when none are left.
  bool spend(uint64_t steps) noexcept {
    if (steps <= steps_left_) {
      steps_left_ -= steps;
      return !failed_;
    }
    steps_left_ = 0;
    fail_steps();
    return false;
  }
  bool enter() noexcept {
    if (depth_ < kMaxNesting) {
      ++depth_;
      return true;
    }
    raise("nested deeper than %u", kMaxNesting);
    return false;
  }
  void leave() noexcept { --depth_; }

  template <class T>
  T* make(size_t count = 1) noexcept {
    T* made = arena_.make<T>(count);
    if (made == nullptr) fail_memory();
    return made;
  }
  void* bytes(size_t count) noexcept {
    void* made = arena_.allocate(count);
    if (made == nullptr) fail_memory();
    return made;
  }

  // Copies the bytes into the arena.
  Value string(std::string_view s) noexcept;
  Value concat(std::string_view a, std::string_view b) noexcept;
  // Lists. push returns false, and failed, when memory runs out.
  List* new_list(uint32_t capacity = 0) noexcept { return new_list_of(capacity); }
  bool push(List* list, const Value& value) noexcept;
  Value pair(const Value& a, const Value& b) noexcept;  // a tuple
  // Dicts. set replaces the value of an equal key.
  bool set(Dict* dict, const Value& key, const Value& value) noexcept;
  const Value* get(const Dict* dict, const Value& key) noexcept;
  const Value* get(const Dict* dict, std::string_view key) noexcept { return get(dict, Value::of(key)); }
  Value method(std::string_view name, Native native, const Value& self) noexcept;

  uint32_t line = 0;  // where evaluation stands, for messages
  uint32_t loop_depth = 0;
  int64_t now_seconds;  // for strftime_now; negative: the clock

 private:
  List* new_list_of(uint32_t capacity) noexcept;
  void fail_memory() noexcept;
  void fail_steps() noexcept;

  Arena& arena_;
  Status status_;
  bool failed_ = false;
  uint64_t steps_left_, steps_;
  uint32_t depth_ = 0;
};

// One level of nesting, left when the guard goes. Test it: false means too deep.
class Nesting {
 public:
  explicit Nesting(Run& run) noexcept : run_(run), entered_(run.enter()) {}
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  ~Nesting() {
    if (entered_) run_.leave();
  }
  explicit operator bool() const noexcept { return entered_; }

 private:
  Run& run_;
  bool entered_;
};

// Text: a string under construction in the run's arena.
class Text {
 public:
  explicit Text(Run& run) noexcept : run_(run) {}
  void append(std::string_view s) noexcept;
  void append(char c) noexcept { append(std::string_view(&c, 1)); }
  void append_repeated(char c, size_t count) noexcept;
  void append_code_point(uint32_t code_point) noexcept;  // as UTF-8
  std::string_view view() const noexcept { return {data_, size_}; }
  Value value() const noexcept { return Value::of(view()); }

 private:
  bool grow(size_t more) noexcept;
  Run& run_;
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace runnel::jinja
