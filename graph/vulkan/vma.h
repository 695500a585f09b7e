// The Vulkan Memory Allocator, as this library wants it: functions fetched at run time, no assertion that ends the
// host's process. vma.cpp holds its implementation.
#pragma once

#include "graph/vulkan/api.h"

#define VMA_STATIC_VULKAN_FUNCTIONS 0
#define VMA_DYNAMIC_VULKAN_FUNCTIONS 1
#define VMA_VULKAN_VERSION 1002000
#define VMA_ASSERT(expression) ((void)0)
#define VMA_STATS_STRING_ENABLED 0
#include <vk_mem_alloc.h>
