// Names of instruction sets, and the choice among those that the CPU has: lowered, never raised.
#include "kernels/isa.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace runnel {
namespace {

struct NamedIsa {
  const char* name;
  Isa isa;
};

// Best first, so that a set is called by the best name it covers.
constexpr NamedIsa kNames[] = {
    {"avx512vnni", Isa::avx512vnni}, {"avxvnni", Isa::avxvnni},           {"avx2", Isa::avx2},
    {"neon_i8mm", Isa::neon_i8mm},   {"neon_dotprod", Isa::neon_dotprod}, {"neon", Isa::neon},
    {"scalar", Isa::scalar}};

constexpr uint32_t kAll = ~uint32_t{0};
std::atomic<uint32_t> g_limit{kAll};

}  // namespace

Isa active_isa() noexcept {
  Isa isa = cpu_isa() & static_cast<Isa>(g_limit.load(std::memory_order_relaxed));
  Isa requested;
  const char* name = std::getenv("RUNNEL_ISA");
  if (name != nullptr && parse_isa(name, &requested)) isa = isa & requested;
  return isa;
}

const char* unknown_isa_request() noexcept {
  Isa ignored;
  const char* name = std::getenv("RUNNEL_ISA");
  return name == nullptr || *name == '\0' || parse_isa(name, &ignored) ? nullptr : name;
}

bool set_isa_limit(Isa limit) noexcept {
  if (!covers(cpu_isa(), limit)) return false;
  g_limit.store(static_cast<uint32_t>(limit), std::memory_order_relaxed);
  return true;
}

const char* isa_name(Isa isa) noexcept {
  for (const NamedIsa& named : kNames)
    if (covers(isa, named.isa)) return named.name;
  return "scalar";
}

bool parse_isa(const char* name, Isa* out) noexcept {
  for (const NamedIsa& named : kNames) {
    if (std::strcmp(named.name, name) == 0) {
      *out = named.isa;
      return true;
    }
  }
  return false;
}

}  // namespace runnel
