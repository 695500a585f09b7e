// What every shader shares: memory by address (so that no limit on buffer ranges binds), and numbers that do not depend
// on what a driver makes of float16.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer Words { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer MutableWords { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Floats { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Vec4s { vec4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Addresses { uvec2 at[]; };

// What a step brings; graph/vulkan/step_buffer.h has the same.
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Step {
  uint tokens;
  uint outputs;
  uint first_position;
};

// A float16 exactly, subnormal ones too: weights of small groups have such scales.
float half_value(uint bits) {
  const uint magnitude = bits & 0x7fffu;
  const uint exponent = magnitude >> 10;
  const float number = exponent == 0   ? float(magnitude) * 5.9604644775390625e-8
                       : exponent == 31 ? uintBitsToFloat((magnitude << 13) | 0x7f800000u)
                                        : uintBitsToFloat((magnitude << 13) + 0x38000000u);
  return (bits & 0x8000u) != 0 ? -number : number;
}

// To float16, ties to even, clamped to its largest numbers.
uint half_bits(float value) {
  const float clamped = clamp(value, -65504.0, 65504.0);
  const uint bits = floatBitsToUint(clamped);
  const uint sign = bits >> 16 & 0x8000u;
  const uint magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;
  // Below 2^-14 the sum with 0.5 leaves the number's steps of 2^-24 in the low bits.
  if (magnitude < 0x38800000u) return sign | (floatBitsToUint(uintBitsToFloat(magnitude) + 0.5) - 0x3f000000u);
  return sign | (magnitude + 0xfffu + (magnitude >> 13 & 1u) - 0x38000000u) >> 13;
}

// Half `index` of those that begin at word `base`.
float half_at(Words words, uint base, uint index) {
  return half_value(words.at[base + (index >> 1)] >> ((index & 1u) << 4) & 0xffffu);
}
