// Counts what the process takes from the heap: malloc and its kin, and so operator new as well.
#pragma once

#include <cstdint>

namespace runnel::test {

// Calls so far, of all threads. Only without a sanitizer, which brings its own heap: heap_counter_works() says so.
uint64_t heap_calls();
bool heap_counter_works();

}  // namespace runnel::test
