// cpu_isa() of AArch64, where Advanced SIMD is always there, and of any other processor but x86-64 (scalar). On Linux
// and Android the kernel's HWCAP words cover all cores of a big.LITTLE chip: a bit is set when every core has it.
#if !defined(__x86_64__)
#include "kernels/isa.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__)
#include <cpuinfo.h>
#endif

namespace runnel {

Isa cpu_isa() noexcept {
#if defined(__aarch64__) && defined(__linux__)
  constexpr unsigned long kHwcapAsimddp = 1ul << 20;
  constexpr unsigned long kHwcap2I8mm = 1ul << 13;
  if ((getauxval(AT_HWCAP) & kHwcapAsimddp) == 0) return Isa::neon;
  return (getauxval(AT_HWCAP2) & kHwcap2I8mm) != 0 ? Isa::neon_i8mm : Isa::neon_dotprod;
#elif defined(__aarch64__)
  return cpuinfo_initialize() && cpuinfo_has_arm_neon_dot() ? Isa::neon_dotprod : Isa::neon;
#else
  return Isa::scalar;
#endif
}

}  // namespace runnel
#endif
