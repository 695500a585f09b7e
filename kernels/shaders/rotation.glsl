// kernels/attention/rotation.h, by a work group of kThreads: of heads that lie one behind the other in the shared array
// numbers[]. Additions are those of the CPU: so are the bits.
const uint kRotated = kHeadDim & (~kHeadDim + 1);  // the largest power of two that divides it

float rotation_sign(uint d) { return ((d + 1) * 0x9e3779b9u >> 31) != 0 ? -pc.rotation : pc.rotation; }

// The transform without the signs. All threads call it; what they wrote to numbers[] is behind a barrier.
void transform(uint count) {
  for (uint step = 1; step < kRotated; step *= 2) {
    for (uint i = gl_LocalInvocationID.x; i < count / 2; i += kThreads) {
      const uint low = 2 * i - (i & (step - 1)), high = low + step;
      const float a = numbers[low], b = numbers[high];
      precise const float sum = a + b, difference = a - b;
      numbers[low] = sum;
      numbers[high] = difference;
    }
    barrier();
  }
}
