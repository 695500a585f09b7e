// Keeps exceptions inside: the converters use the standard library, their callers are built without exceptions.
#pragma once

#include <exception>
#include <new>

#include "runnel/status.h"

namespace runnel {

// Runs `body` and turns what it throws into a Status ("who: ..."). body returns a Status or a Result.
template <class Body>
auto guarded(const char* who, Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status::error(Code::out_of_memory, "%s: out of memory", who);
  } catch (const std::exception& e) {
    return Status::error(Code::internal, "%s: unexpected exception: %s", who, e.what());
  } catch (...) {
    return Status::error(Code::internal, "%s: unexpected exception", who);
  }
}

}  // namespace runnel
