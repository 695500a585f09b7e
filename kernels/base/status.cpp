#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runnel/status.h"

namespace runnel {
namespace {

char* format_message(const char* format, va_list args) noexcept {
  va_list again;
  va_copy(again, args);
  const int length = std::vsnprintf(nullptr, 0, format, args);
  char* text = length < 0 ? nullptr : static_cast<char*>(std::malloc(static_cast<size_t>(length) + 1));
  if (text != nullptr) std::vsnprintf(text, static_cast<size_t>(length) + 1, format, again);
  va_end(again);
  return text;
}

}  // namespace

const char* code_name(Code code) noexcept {
  switch (code) {
    case Code::ok: return "ok";
    case Code::invalid_argument: return "invalid_argument";
    case Code::corrupt_file: return "corrupt_file";
    case Code::unsupported: return "unsupported";
    case Code::over_budget: return "over_budget";
    case Code::context_full: return "context_full";
    case Code::out_of_memory: return "out_of_memory";
    case Code::io: return "io";
    case Code::cancelled: return "cancelled";
    case Code::stale_snapshot: return "stale_snapshot";
    case Code::device_lost: return "device_lost";
    case Code::internal: return "internal";
  }
  return "internal";
}

Status Status::error_v(Code code, const char* format, va_list args) noexcept {
  Status status;
  status.code_ = code;
  status.message_ = format_message(format, args);
  return status;
}

Status Status::error(Code code, const char* format, ...) noexcept {
  va_list args;
  va_start(args, format);
  Status status = error_v(code, format, args);
  va_end(args);
  return status;
}

Status&& Status::with_context(const char* format, ...) && noexcept {
  if (ok()) return std::move(*this);
  va_list args;
  va_start(args, format);
  char* context = format_message(format, args);
  va_end(args);
  if (context != nullptr) {
    *this = error(code_, "%s: %s", context, message());
    std::free(context);
  }
  return std::move(*this);
}

Status::Status(const Status& other) noexcept
    : code_(other.code_), message_(other.message_ == nullptr ? nullptr : ::strdup(other.message_)) {}

Status::~Status() { std::free(message_); }

const char* Status::message() const noexcept {
  if (message_ != nullptr) return message_;
  return ok() ? "ok" : "no memory was left for the message";
}

}  // namespace runnel
