#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "quants.glsl"
#include "group_q8g32.glsl"
#include "linear_dot.glsl"
