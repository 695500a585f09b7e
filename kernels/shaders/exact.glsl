// Quotients and fused multiply-adds to the last bit. Vulkan has drivers round sums and products correctly, but a quotient
// may be off by 2.5 units in the last place, and fma() may round twice.

// a + b = sum + rest, exactly.
float two_sum(float a, float b, out float rest) {
  precise const float sum = a + b, from_b = sum - a, from_a = sum - from_b;
  precise const float left = (a - from_a) + (b - from_b);
  rest = left;
  return sum;
}

// a * b = product + rest, exactly: halves of 12 bits have exact products.
float two_product(float a, float b, out float rest) {
  const float a_high = uintBitsToFloat(floatBitsToUint(a) & 0xfffff000u);
  const float b_high = uintBitsToFloat(floatBitsToUint(b) & 0xfffff000u);
  precise const float product = a * b, a_low = a - a_high, b_low = b - b_high;
  precise const float left = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low);
  rest = left;
  return product;
}

float divide(float a, float b) {
  precise float q = a / b;
  float rest;
  const float product = two_product(q, b, rest);
  precise const float left = (a - product) - rest;
  q += left * (1.0 / b);
  return q;
}

// a * b + c, rounded once. What lies below the sum's last bit is first rounded to odd, which says where it lies.
float exact_fma(float a, float b, float c) {
  float product_rest, low_rest, high_rest, odd_rest;
  const float product = two_product(a, b, product_rest);
  const float low = two_sum(c, product_rest, low_rest);
  const float high = two_sum(product, low, high_rest);
  float odd = two_sum(low_rest, high_rest, odd_rest);
  const uint bits = floatBitsToUint(odd);
  if (odd_rest != 0.0 && (bits & 1u) == 0) odd = uintBitsToFloat((odd < 0.0) == (odd_rest < 0.0) ? bits + 1 : bits - 1);
  precise const float sum = high + odd;
  return sum;
}
