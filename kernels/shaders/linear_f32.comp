#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights_f32.glsl"
#include "linear.glsl"
