// The end of main() in linear.glsl and linear_dot.glsl: the splits' sums are joined in order, and a row's first thread writes
// them.
  if (kSplits > 1) {
    const uint at = (split * kRows + gl_LocalInvocationID.x) * kTokens;
    for (uint t = 0; t < kTokens; ++t) partial[at + t] = sums[t];
    barrier();
    if (split != 0) return;
    for (uint s = 1; s < kSplits; ++s)
      for (uint t = 0; t < kTokens; ++t) sums[t] += partial[(s * kRows + gl_LocalInvocationID.x) * kTokens + t];
  }
  if (!inside) return;
  const float bias = pc.has_bias != 0 ? pc.bias.at[row] : 0.0;
  for (uint t = 0; t < kTokens; ++t) {
    if (first + t < pc.tokens) pc.y.at[(first + t) * pc.y_stride + row] = sums[t] + bias;
  }
