#version 460
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "group_q2ag16s256.glsl"
#include "weights_groups.glsl"
#include "embed.glsl"
