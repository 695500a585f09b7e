// Instruction sets a kernel row may need, what this CPU has, and how the choice is lowered for tests.
//
// Thread rule: cpu_isa() any thread; the first call detects (cpuinfo, CPUID/XGETBV, HWCAP) and the answer never
// changes.
#pragma once

#include <stdint.h>

namespace runnel {

// Bits: a row needs all bits of its isa. An isa's bits include those it builds on, so "covers" is one mask test.
enum class Isa : uint32_t {
  scalar = 0,
  neon = 1u << 0,                        // Armv8.0 Advanced SIMD
  neon_dotprod = (1u << 1) | neon,       // sdot/udot
  neon_i8mm = (1u << 2) | neon_dotprod,  // smmla
  avx2 = 1u << 8,                        // with FMA and F16C
  avxvnni = (1u << 9) | avx2,            // 256-bit vpdpbusd, VEX
  avx512vnni = (1u << 10) | avx2,        // AVX-512 F, BW, DQ, VL and VNNI
};

constexpr bool covers(Isa have, Isa need) noexcept {
  return (static_cast<uint32_t>(have) & static_cast<uint32_t>(need)) == static_cast<uint32_t>(need);
}
constexpr Isa operator|(Isa a, Isa b) noexcept {
  return static_cast<Isa>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}
constexpr Isa operator&(Isa a, Isa b) noexcept {
  return static_cast<Isa>(static_cast<uint32_t>(a) & static_cast<uint32_t>(b));
}

// What the CPU and the operating system allow.
Isa cpu_isa() noexcept;
// cpu_isa() lowered by the environment variable RUNNEL_ISA and by set_isa_limit(); never raised. A name that
// parse_isa() does not know is passed over here; a command asks unknown_isa_request() and says so.
Isa active_isa() noexcept;
// The value of RUNNEL_ISA when it is set and no known name, else null. Borrowed from the environment.
const char* unknown_isa_request() noexcept;
// Restricts active_isa() to `limit` (for example Isa::avx2). Returns false, nothing changed, when the CPU does not have
// it all; set_isa_limit(cpu_isa()) lifts the limit. Not while a model is open: kernels are chosen once at open.
bool set_isa_limit(Isa limit) noexcept;
// "avx2", or the best single name for a set. Never null.
const char* isa_name(Isa isa) noexcept;
// False for an unknown name.
bool parse_isa(const char* name, Isa* out) noexcept;

}  // namespace runnel

#define RUNNEL_ONLY_scalar(...) __VA_ARGS__
#if defined(__aarch64__)
#define RUNNEL_ONLY_neon(...) __VA_ARGS__
#define RUNNEL_ONLY_neon_dotprod(...) __VA_ARGS__
#define RUNNEL_ONLY_neon_i8mm(...) __VA_ARGS__
#else
#define RUNNEL_ONLY_neon(...)
#define RUNNEL_ONLY_neon_dotprod(...)
#define RUNNEL_ONLY_neon_i8mm(...)
#endif
#if defined(__x86_64__)
#define RUNNEL_ONLY_avx2(...) __VA_ARGS__
#define RUNNEL_ONLY_avxvnni(...) __VA_ARGS__
#define RUNNEL_ONLY_avx512vnni(...) __VA_ARGS__
#else
#define RUNNEL_ONLY_avx2(...)
#define RUNNEL_ONLY_avxvnni(...)
#define RUNNEL_ONLY_avx512vnni(...)
#endif
