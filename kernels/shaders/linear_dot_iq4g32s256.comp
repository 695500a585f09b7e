#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "quants.glsl"
#include "group_iq4g32s256.glsl"
#include "linear_dot.glsl"
