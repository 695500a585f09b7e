#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights_bf16.glsl"
#include "embed.glsl"
