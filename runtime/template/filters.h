// Filters on lists, which lie apart from those on text.
#pragma once

#include "runtime/template/operations.h"

namespace runnel::jinja {

Value filter_dictsort(Run& run, const Value& self, const Args& args) noexcept;
Value filter_first(Run& run, const Value& self, const Args& args) noexcept;
Value filter_join(Run& run, const Value& self, const Args& args) noexcept;
Value filter_last(Run& run, const Value& self, const Args& args) noexcept;
Value filter_list(Run& run, const Value& self, const Args& args) noexcept;
Value filter_map(Run& run, const Value& self, const Args& args) noexcept;
Value filter_max(Run& run, const Value& self, const Args& args) noexcept;
Value filter_min(Run& run, const Value& self, const Args& args) noexcept;
Value filter_reject(Run& run, const Value& self, const Args& args) noexcept;
Value filter_rejectattr(Run& run, const Value& self, const Args& args) noexcept;
Value filter_reverse(Run& run, const Value& self, const Args& args) noexcept;
Value filter_select(Run& run, const Value& self, const Args& args) noexcept;
Value filter_selectattr(Run& run, const Value& self, const Args& args) noexcept;
Value filter_sort(Run& run, const Value& self, const Args& args) noexcept;
Value filter_sum(Run& run, const Value& self, const Args& args) noexcept;
Value filter_unique(Run& run, const Value& self, const Args& args) noexcept;

}  // namespace runnel::jinja
