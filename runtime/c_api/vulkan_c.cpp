// The Vulkan back end in C: apart from the rest, so that an app which does not call it links nothing of the back end.
#include "runnel/runnel.h"
#include "runnel/vulkan.h"

const runnel_back_end* runnel_vulkan(void) {
  return reinterpret_cast<const runnel_back_end*>(&runnel::vulkan_back_end());
}
