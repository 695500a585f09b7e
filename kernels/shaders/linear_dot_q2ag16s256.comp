#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "quants.glsl"
#include "group_q2ag16s256.glsl"
#include "linear_dot.glsl"
