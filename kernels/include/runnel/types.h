// Small choices that the host makes and every layer knows. Plain C++ without library headers: kernels include it.
#pragma once

#include <stdint.h>

namespace runnel {

// When the weights' checksums are compared.
enum class Verify : uint8_t {
  lazy,   // each 1 MiB chunk after its first use, by a thread of low priority: a mismatch ends the next step
  eager,  // all of it inside open()
  off,    // the header only
};

// Storage of keys and values.
enum class KvType : uint8_t {
  f16 = 0,
  f32 = 1,  // twice as large, for comparisons: adds no rounding of its own
  q8 = 2,   // 8 bits and a float16 scale for each group of 32 numbers of a head
  q4 = 3,   // 4 bits and such a scale; a model with heads shorter than 32 keeps its keys in q8
};
inline constexpr uint8_t kKvTypeCount = 4;
constexpr bool is_quantised(KvType type) noexcept { return type == KvType::q8 || type == KvType::q4; }

// Keys and values may differ: KvTypes(KvType::f32) is both.
struct KvTypes {
  KvType keys, values;
  constexpr KvTypes(KvType both = KvType::f16) noexcept : keys(both), values(both) {}
  constexpr KvTypes(KvType keys_type, KvType values_type) noexcept : keys(keys_type), values(values_type) {}
};

// Who multiplies float weights. xnnpack packs a private copy of them, which the memory plan counts.
enum class FloatBackend : uint8_t { own, xnnpack };

// What products with quantised weights read on their other side. Finer is slower and closer to the float model.
enum class Activations : uint8_t {
  automatic,  // what the model file asks for: 16 bits for weights converted to 8 bits, else 8
  q8,         // 8 bits, groups of 32
  q16,        // 16 bits, groups of 32
  f32,        // never rounded: the baseline of quality
};

}  // namespace runnel
