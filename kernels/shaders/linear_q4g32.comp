#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "group_q4g32.glsl"
#include "weights_groups.glsl"
#include "linear.glsl"
