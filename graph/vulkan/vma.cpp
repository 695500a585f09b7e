#define VMA_IMPLEMENTATION
#include "graph/vulkan/vma.h"
