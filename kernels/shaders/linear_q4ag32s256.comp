#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights_q4ag32s256.glsl"
#include "linear.glsl"
