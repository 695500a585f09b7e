// Methods of strings that filters use too. Requires: self is a string.
#pragma once

#include "runtime/template/operations.h"

namespace runnel::jinja {

Value str_strip(Run& run, const Value& self, const Args& args) noexcept;
Value str_lower(Run& run, const Value& self, const Args& args) noexcept;
Value str_upper(Run& run, const Value& self, const Args& args) noexcept;
Value str_capitalize(Run& run, const Value& self, const Args& args) noexcept;
Value str_title(Run& run, const Value& self, const Args& args) noexcept;
Value str_replace(Run& run, const Value& self, const Args& args) noexcept;
Value str_splitlines(Run& run, const Value& self, const Args& args) noexcept;

}  // namespace runnel::jinja
