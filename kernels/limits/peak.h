// Bare loops of multiply-adds and of loads: what a core of each instruction set can do at most, for results to be
// printed as a percentage of. Operands of multiply-adds come from the first-level cache, as a register tile of a matmul
// kernel reads them, and nothing else happens: no scales, no unpacking, no stores.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

namespace runnel {

// Operands of one loop, filled by the caller with any values (int8: below 64 in magnitude, so that no sum saturates).
inline constexpr uint32_t kPeakOperandBytes = 4096;

// Runs `rounds` rounds over the operands (64-byte aligned) and returns the multiply-adds done. `sink` keeps the
// compiler from dropping the work. Never fails; any thread.
using PeakFn = uint64_t (*)(const void* operands, uint32_t rounds, int32_t* sink) noexcept;

// Reads `count` floats, a multiple of 64, and returns the bytes. Four streams at once: one alone leaves a core's
// prefetchers idle (a Xeon of 2023 read 16.5 GB/s so, 19 with four).
using PeakReadFn = uint64_t (*)(const float* values, size_t count, int32_t* sink) noexcept;

struct PeakLoops {
  const char* name;
  Isa isa;
  PeakFn int8, f32;
  PeakReadFn read;
};

// The best row that `isa` covers.
const PeakLoops& peak_loops(Isa isa) noexcept;
// Every row of this architecture; null past the last.
const PeakLoops* peak_loops_row(uint32_t index) noexcept;

}  // namespace runnel
