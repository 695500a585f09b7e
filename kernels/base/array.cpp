#include "runnel/array.h"

#include "kernels/base/checked.h"
#include "kernels/base/memory.h"

namespace runnel::detail {

void* array_allocate(size_t count, size_t element_bytes, size_t alignment) noexcept {
  size_t bytes = 0;
  if (!checked_mul(count, element_bytes, &bytes)) return nullptr;
  return allocate(bytes, alignment < alignof(max_align_t) ? alignof(max_align_t) : alignment);
}

void array_release(void* memory) noexcept { release(memory); }

}  // namespace runnel::detail
