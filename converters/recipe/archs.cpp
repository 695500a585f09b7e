// The rows of archs.inc.
#include "converters/models/arch.h"

namespace runnel {

#define ARCH(name) extern const ModelArch arch_##name;
#include "converters/models/archs.inc"
#undef ARCH

namespace {

const ModelArch* const kArchs[] = {
#define ARCH(name) &arch_##name,
#include "converters/models/archs.inc"
#undef ARCH
};

}  // namespace

const ModelArch* find_arch(std::string_view name) {
  for (const ModelArch* arch : kArchs)
    if (name == arch->name) return arch;
  return nullptr;
}

std::string arch_names() {
  std::string out;
  for (const ModelArch* arch : kArchs) out += (out.empty() ? "" : ", ") + std::string(arch->name);
  return out;
}

}  // namespace runnel
