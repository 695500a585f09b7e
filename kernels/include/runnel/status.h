// Status and Result: how every fallible function of Runnel reports, in the library and across its public API.
//
// A Status is a code and a message. The message begins with who speaks ("rms_norm: ...", "model file: ...") and names
// what and where. No exception, abort or exit is ever used for anything that a file, a prompt, a template, an
// environment or a driver can cause. Thread rule: values, like any other; not shared between threads without a lock.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <optional>
#include <utility>

namespace runnel {

enum class Code : uint8_t {
  ok = 0,
  invalid_argument,  // the caller's request makes no sense (an option, a prompt, a shape)
  corrupt_file,      // bytes that contradict themselves or their checksum
  unsupported,       // well formed, but this build, runtime or device cannot do it
  over_budget,       // does not fit the memory budget; the message carries the numbers
  context_full,      // no room for another token
  out_of_memory,     // an allocation failed
  io,                // the operating system refused to read, write, map or create
  cancelled,         // the caller asked to stop
  stale_snapshot,    // a snapshot of another model, version or setting
  device_lost,       // the GPU went away
  internal,          // a mistake of ours
};

// The code's name as documented ("ok", "over_budget", ...). Never null.
const char* code_name(Code code) noexcept;

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  // printf-style. When no memory is left for the text, the code stands and the message is a fixed one.
  [[gnu::format(printf, 2, 3)]] static Status error(Code code, const char* format, ...) noexcept;
  static Status error_v(Code code, const char* format, va_list args) noexcept;
  // "who: old message"; the code stays.
  [[gnu::format(printf, 2, 3)]] Status&& with_context(const char* format, ...) && noexcept;

  Status(const Status& other) noexcept;
  Status(Status&& other) noexcept
      : code_(std::exchange(other.code_, Code::ok)), message_(std::exchange(other.message_, nullptr)) {}
  Status& operator=(Status other) noexcept {
    std::swap(code_, other.code_);
    std::swap(message_, other.message_);
    return *this;
  }
  ~Status();

  bool ok() const noexcept { return code_ == Code::ok; }
  Code code() const noexcept { return code_; }
  const char* message() const noexcept;  // never null; owned by this Status

 private:
  Code code_ = Code::ok;
  char* message_ = nullptr;  // from malloc, or null
};

// A value or the Status that says why there is none. Requires: ok() before * and ->.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) noexcept : value_(std::move(value)) {}
  Result(Status status) noexcept : status_(std::move(status)) {
    if (status_.ok()) status_ = Status::error(Code::internal, "result: made from an ok status without a value");
  }

  bool ok() const noexcept { return value_.has_value(); }
  const Status& status() const& noexcept { return status_; }
  Status status() && noexcept { return std::move(status_); }
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return std::move(*value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace runnel

#define RUNNEL_CONCAT_(a, b) a##b
#define RUNNEL_CONCAT(a, b) RUNNEL_CONCAT_(a, b)

// Returns from the enclosing function when `expr` (a Status) is not ok.
#define RUNNEL_TRY(expr)                                                                       \
  do {                                                                                         \
    if (::runnel::Status runnel_status_ = (expr); !runnel_status_.ok()) return runnel_status_; \
  } while (0)

// RUNNEL_ASSIGN(auto x, make_x()): takes the value of a Result or returns its Status.
#define RUNNEL_ASSIGN(target, expr) RUNNEL_ASSIGN_(RUNNEL_CONCAT(runnel_result_, __LINE__), target, expr)
#define RUNNEL_ASSIGN_(result, target, expr)           \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  target = *std::move(result)
