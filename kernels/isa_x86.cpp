// cpu_isa() of x86-64. cpuinfo knows AVX2 and AVX-512; AVX-VNNI (CPUID leaf 7.1) is younger than the packaged version,
// and whether the operating system saves the wide registers is read from XCR0.
#if defined(__x86_64__)
#include <cpuid.h>
#include <cpuinfo.h>

#include "kernels/isa.h"

namespace runnel {
namespace {

// XCR0, or 0 where the operating system has not enabled XSAVE.
uint64_t enabled_state() noexcept {
  unsigned eax, ebx, ecx, edx;
  constexpr unsigned kOsxsave = 1u << 27;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kOsxsave) == 0) return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

bool has_avxvnni() noexcept {
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & (1u << 4)) != 0;
}

Isa detect() noexcept {
  constexpr uint64_t kYmm = 0x6;          // XMM and YMM state
  constexpr uint64_t kZmm = kYmm | 0xe0;  // opmask, upper halves of zmm0-15, zmm16-31
  const uint64_t state = enabled_state();
  if (!cpuinfo_initialize() || (state & kYmm) != kYmm) return Isa::scalar;
  if (!cpuinfo_has_x86_avx2() || !cpuinfo_has_x86_fma3() || !cpuinfo_has_x86_f16c()) return Isa::scalar;
  Isa isa = Isa::avx2;
  if (has_avxvnni()) isa = isa | Isa::avxvnni;
  if ((state & kZmm) == kZmm && cpuinfo_has_x86_avx512f() && cpuinfo_has_x86_avx512bw() && cpuinfo_has_x86_avx512dq() &&
      cpuinfo_has_x86_avx512vl() && cpuinfo_has_x86_avx512vnni()) {
    isa = isa | Isa::avx512vnni;
  }
  return isa;
}

}  // namespace

Isa cpu_isa() noexcept {
  static const Isa isa = detect();
  return isa;
}

}  // namespace runnel
#endif
