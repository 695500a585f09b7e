// What the files of the C API share: the handles, the calling thread's last message, structs that begin with their
// size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "runnel/model.h"
#include "runnel/runnel.h"
#include "runnel/session.h"

struct runnel_model {
  runnel::Model model;
};
struct runnel_session {
  runnel::Session session;
};

namespace runnel {

// The status' number; a failure's message becomes the thread's last one.
runnel_status report(const Status& status) noexcept;

inline runnel_status refuse(const char* who, const char* what) noexcept {
  return report(Status::error(Code::invalid_argument, "%s: %s", who, what));
}

// Where a struct's first version ends: fields behind it were appended, and an older caller does not have them.
template <class Struct>
constexpr size_t kFirstBytes = sizeof(Struct);
template <>
inline constexpr size_t kFirstBytes<runnel_open_options> = offsetof(runnel_open_options, weights_mode);
template <>
inline constexpr size_t kFirstBytes<runnel_info> = offsetof(runnel_info, device);
template <>
inline constexpr size_t kFirstBytes<runnel_plan> = offsetof(runnel_plan, weights_mode);
template <>
inline constexpr size_t kFirstBytes<runnel_generate_options> = offsetof(runnel_generate_options, keep_generator);
template <>
inline constexpr size_t kFirstBytes<runnel_generation> = offsetof(runnel_generation, reused_tokens);

// Copies the part of the caller's struct that both know (a newer caller's may be longer). False when its size says that
// it is not even the first version's.
template <class Options>
bool read_options(const Options* given, Options* out) noexcept {
  *out = Options{};
  if (given == nullptr) return true;
  if (given->struct_bytes < kFirstBytes<Options>) return false;
  std::memcpy(out, given, std::min<size_t>(given->struct_bytes, sizeof(Options)));
  return true;
}

// Writes the part of the caller's struct that both know; its struct_bytes stays.
template <class Result>
runnel_status write_result(const char* who, Result value, Result* out) noexcept {
  if (out->struct_bytes < kFirstBytes<Result>) return refuse(who, "struct_bytes of the result is not set");
  value.struct_bytes = out->struct_bytes;
  std::memcpy(out, &value, std::min<size_t>(value.struct_bytes, sizeof(Result)));
  return RUNNEL_OK;
}

}  // namespace runnel
