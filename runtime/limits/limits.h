// What this machine can do at most, measured: rates are printed as percentages of these.
//
// A step of one token is bound by read_gb_s, a prompt by int8_gmac_s (or f32_gmac_s with float weights). Each call
// takes some tenths of a second and returns the best of several runs; 0 when threads or memory cannot be had.
// read_gb_s touches 256 MiB to 1 GiB, four times the last-level cache, for the time of the call: take figures of peak
// memory before.
// Thread rule: any thread; on a machine that is busy otherwise the figures are too low.
#pragma once

#include <cstdint>

namespace runnel {

double read_gb_s(uint32_t threads) noexcept;    // 1e9 bytes a second from memory
double int8_gmac_s(uint32_t threads) noexcept;  // 1e9 multiply-adds a second, with the instructions of active_isa()
double f32_gmac_s(uint32_t threads) noexcept;

}  // namespace runnel
