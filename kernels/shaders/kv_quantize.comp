#version 460
#extension GL_GOOGLE_include_directive : require
// Writes the keys and values of the step's tokens to pages in q8 or q4, with the CPU's bits (kernels/attention/kv_q8.h,
// kv_q4.h). A work group is four tokens from a multiple of four on, of one head: their numbers fill whole words, so that
// no word is two groups' business. Groups: x fours from the first token's on, y heads (keys, then values). Sixteen
// threads quantise a group of 32 numbers, two each, as the CPU's sixteen lanes do.
#include "common.glsl"
#include "exact.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 64;  // a multiple of 16
#include "kv.glsl"

shared float numbers[4 * kHeadDim];  // of the tokens that the step has; then what they became
shared uint scales[4 * kGroups];
shared float products[4 * kThreads], squares[4 * kThreads];  // q4: [place][thread]
#include "rotation.glsl"

float clamped(float value) {
  const float below = value < 65504.0 ? value : 65504.0;
  return below > -65504.0 ? below : -65504.0;
}

// 1 / half_value(bits), rounded to the nearest, in integers: 2^34 over the 11 bits of the number. Requires: not 0.
float half_reciprocal(uint bits) {
  const uint number = floatBitsToUint(half_value(bits));
  const uint sign = number & 0x80000000u, exponent = number >> 23 & 255u;
  const uint m = (number & 0x7fffffu) >> 13 | 1024u;
  if (m == 1024u) return uintBitsToFloat(sign | (254u - exponent) << 23);
  const uint high = 0x80000000u / m, rest = 8 * (0x80000000u - high * m);
  const uint quotient = 8 * high + rest / m + (2 * (rest % m) > m ? 1u : 0u);
  return uintBitsToFloat(sign | (253u - exponent) << 23 | (quotient & 0x7fffffu));
}

// Which level is nearest.
uint nearest(float value) {
  const float middles[15] = float[15](-115.5, -93.5, -74.0, -57.0, -42.0, -28.5, -16.0, -4.5, 7.0, 19.0, 31.5, 45.5,
                                      61.0, 79.0, 101.0);
  uint index = 0;
  for (uint i = 0; i < 15; ++i) index += value < middles[i] ? 0u : 1u;
  return index;
}

// Numbers of a group that a thread has, and the group's largest one in magnitude, the last of them.
struct Mine {
  uint at, n, lane;  // first of the group in numbers[], how many it has, which of its threads this is
  float low, high;   // numbers lane and lane + 16, zeros beyond n
  float largest;
};

uint quantize_q8(inout Mine mine) {
  precise const float wanted = abs(mine.largest) * uintBitsToFloat(0x3c010204u);  // 1 / 127
  const uint scale = half_bits(wanted);
  const float inverse = scale != 0 ? half_reciprocal(scale) : 0.0;
  precise const float low = mine.low * inverse, high = mine.high * inverse;
  mine.low = clamp(roundEven(low), -127.0, 127.0);
  mine.high = clamp(roundEven(high), -127.0, 127.0);
  return scale;
}

// In the order of F32x16::reduce_add() (kernels/simd).
float sum_of_16(float v[16]) {
  precise float a[8];
  for (uint i = 0; i < 8; ++i) a[i] = v[i] + v[i + 8];
  for (uint i = 0; i < 4; ++i) a[i] += a[i + 4];
  precise const float sum = (a[0] + a[2]) + (a[1] + a[3]);
  return sum;
}

// All threads call it.
uint quantize_q4(inout Mine mine) {
  const uint thread = gl_LocalInvocationID.x, first = thread - mine.lane;
  const float places[4] = float[4](-127.0, -113.0, 113.0, 101.0);
  for (uint p = 0; p < 4; ++p) {
    const float scale = divide(mine.largest, places[p]);
    const float inverse = scale != 0.0 ? divide(1.0, scale) : 0.0;
    precise const float low = mine.low * inverse, high = mine.high * inverse;
    const float low_level = mine.lane < mine.n ? level(nearest(low)) : 0.0;
    const float high_level = mine.lane + 16 < mine.n ? level(nearest(high)) : 0.0;
    precise const float product = low_level * mine.low;
    products[p * kThreads + thread] = exact_fma(high_level, mine.high, product);
    squares[p * kThreads + thread] = low_level * low_level + high_level * high_level;
  }
  barrier();
  if (mine.lane < 4) {
    const uint from = mine.lane * kThreads + first;
    float v[16];
    for (uint i = 0; i < 16; ++i) v[i] = products[from + i];
    const float product = sum_of_16(v);
    for (uint i = 0; i < 16; ++i) v[i] = squares[from + i];
    products[from] = product;
    squares[from] = sum_of_16(v);
  }
  barrier();
  precise float best = -1.0, best_scale = 0.0;
  for (uint p = 0; p < 4; ++p) {
    const float product = products[p * kThreads + first], square = squares[p * kThreads + first];
    precise const float explained = product * product;
    if (!(explained > best * square)) continue;
    best = divide(explained, square);
    best_scale = divide(product, square);
  }
  const uint scale = half_bits(best_scale);
  const float inverse = (scale & 0x7fffu) != 0 ? half_reciprocal(scale) : 0.0;
  precise const float low = mine.low * inverse, high = mine.high * inverse;
  mine.low = float(nearest(low));
  mine.high = float(nearest(high));
  return scale;
}

// Byte `index` of what a token's numbers became.
uint packed_byte(uint token, uint index, uint type) {
  const uint at = token * kHeadDim;
  if (type == kQ8) return uint(int(numbers[at + index])) & 255u;
  const uint group = index >> 4, k = index & 15u, n = group_size(group), half_size = (n + 1) / 2;
  const uint low = uint(numbers[at + 32 * group + k]);
  const uint high = half_size + k < n ? uint(numbers[at + 32 * group + half_size + k]) : 0u;
  return low | high << 4;
}

void put(MutableWords page, uint at, uint bits, uint mask) {
  if (mask == 0xffffffffu) {
    page.at[at] = bits;
  } else if (mask != 0) {
    page.at[at] = (page.at[at] & ~mask) | bits;
  }
}

void main() {
  const uint thread = gl_LocalInvocationID.x;
  const uint side = gl_WorkGroupID.y + pc.first_head;
  const bool values = side >= pc.kv_heads;
  const uint head = values ? side - pc.kv_heads : side;
  const uint type = values ? kValues : kKeys;
  const uint first = pc.step.first_position, last = first + pc.step.tokens;
  const uint position = (first & ~3u) + gl_WorkGroupID.x * 4;
  if (position >= last) return;
  const uint begin = max(first, position) - position, tokens = min(last - position, 4u) - begin;

  Floats from = values ? pc.y : pc.q;
  const uint stride = values ? pc.y_stride : pc.q_stride;
  const bool rotates = !values || type == kQ4;
  for (uint i = thread; i < tokens * kHeadDim; i += kThreads) {
    const uint row = position + begin + i / kHeadDim - first, d = i % kHeadDim;
    const float x = from.at[row * stride + head * kHeadDim + d];
    precise const float turned = x * rotation_sign(d);
    numbers[i] = rotates ? turned : x;
  }
  barrier();
  if (rotates) transform(tokens * kHeadDim);

  for (uint item = thread / 16; item - thread / 16 < tokens * kGroups; item += kThreads / 16) {
    const bool there = item < tokens * kGroups;
    const uint group = item % kGroups;
    Mine mine = Mine(item / kGroups * kHeadDim + 32 * group, there ? group_size(group) : 0, thread & 15u, 0.0, 0.0, 0.0);
    for (uint i = 0; i < mine.n; ++i) {
      const float x = clamped(numbers[mine.at + i]);
      if (abs(x) >= abs(mine.largest)) mine.largest = x;
      if (i == mine.lane) mine.low = x;
      if (i == mine.lane + 16) mine.high = x;
    }
    const uint scale = type == kQ8 ? quantize_q8(mine) : quantize_q4(mine);
    barrier();
    if (mine.lane < mine.n) numbers[mine.at + mine.lane] = mine.low;
    if (mine.lane + 16 < mine.n) numbers[mine.at + mine.lane + 16] = mine.high;
    if (mine.lane == 0 && there) scales[item] = scale;
  }
  barrier();

  MutableWords page = MutableWords(pc.pages.at[position >> pc.page_shift]);
  const uint block = block_at(position, head, values), four = position >> 2 & 3u;
  for (uint i = thread; i < 2 * kGroups; i += kThreads) {
    uint bits = 0, mask = 0;
    for (uint t = 0; t < 2; ++t) {
      const uint token = 2 * (i & 1u) + t - begin;
      if (token >= tokens) continue;
      bits |= scales[token * kGroups + i / 2] << 16 * t;
      mask |= 0xffffu << 16 * t;
    }
    put(page, block + i / 2 * 8 + four * 2 + (i & 1u), bits, mask);
  }
  const uint bytes = packed_bytes(type, kHeadDim), base = block + 8 * kGroups;
  for (uint i = thread; i < bytes; i += kThreads) {
    uint bits = 0, mask = 0;
    for (uint b = 0; b < 4; ++b) {
      const uint token = (values ? (4 * i + b) / bytes : b) - begin, index = values ? (4 * i + b) % bytes : i;
      if (token >= tokens) continue;
      bits |= packed_byte(token, index, type) << 8 * b;
      mask |= 0xffu << 8 * b;
    }
    put(page, base + (values ? four * bytes + i : 4 * i + four), bits, mask);
  }
}
