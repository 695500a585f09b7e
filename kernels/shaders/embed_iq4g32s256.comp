#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "group_iq4g32s256.glsl"
#include "weights_groups.glsl"
#include "embed.glsl"
