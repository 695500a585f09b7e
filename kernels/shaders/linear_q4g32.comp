#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights_q4g32.glsl"
#include "linear.glsl"
