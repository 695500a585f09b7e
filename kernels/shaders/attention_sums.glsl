// What attention has summed for kRows rows, and how sums are merged and written: included behind kv.glsl with kThreads,
// kRows and the shared array numbers[kRows * kHeadDim].
//
// A thread has every kThreads-th dimension. With the largest score so far, a key's weight is e^(score - top); total is
// the sum of the weights. A part's sums in memory are its kHeadDim numbers, top and total: [token][head][part].
const uint kColumns = (kHeadDim + kThreads - 1) / kThreads;  // dimensions a thread
const uint kParts = 16;
const uint kRangeKeys = 256;
const float kLowest = -1e38;

float part_sums[kRows * kColumns], part_top[kRows], part_total[kRows];
float sums[kRows * kColumns], top[kRows], total[kRows];  // of the parts that were merged

void clear_part() {
  for (uint i = 0; i < kRows * kColumns; ++i) part_sums[i] = 0;
  for (uint r = 0; r < kRows; ++r) {
    part_top[r] = kLowest;
    part_total[r] = 0;
  }
}

void clear_sums() {
  for (uint i = 0; i < kRows * kColumns; ++i) sums[i] = 0;
  for (uint r = 0; r < kRows; ++r) {
    top[r] = kLowest;
    total[r] = 0;
  }
}

// Adds the part to the sums. Products and sums are rounded one by one, so that all who merge have the same bits.
void merge_part() {
  for (uint r = 0; r < kRows; ++r) {
    if (part_total[r] == 0.0) continue;  // saw nothing
    const float highest = max(top[r], part_top[r]);
    const float a = exp(top[r] - highest), b = exp(part_top[r] - highest);
    for (uint i = r * kColumns; i < (r + 1) * kColumns; ++i) {
      precise const float sum = sums[i] * a + part_sums[i] * b;
      sums[i] = sum;
    }
    precise const float sum = total[r] * a + part_total[r] * b;
    total[r] = sum;
    top[r] = highest;
  }
}

// Where the sums of a part of a row begin.
uint partial_at(uint token, uint head, uint part) { return ((token * pc.heads + head) * pc.parts + part) * (kHeadDim + 2); }

uint places[kRows];  // of rows in y

// The first rows, those of rotated values turned back. All threads call it; numbers[] is free.
void write_out(uint rows) {
  for (uint r = 0; r < kRows; ++r) {
    for (uint i = 0; i < kColumns; ++i) {
      const uint d = i * kThreads + gl_LocalInvocationID.x;
      if (d < kHeadDim) numbers[r * kHeadDim + d] = sums[r * kColumns + i] / total[r];
    }
  }
  if (kValues == kQ4) {
    barrier();
    transform(kRows * kHeadDim);
  }
  for (uint r = 0; r < rows; ++r) {
    for (uint d = gl_LocalInvocationID.x; d < kHeadDim; d += kThreads) {
      const float y = numbers[r * kHeadDim + d];
      pc.y.at[places[r] + d] = kValues == kQ4 ? y * rotation_sign(d) : y;
    }
  }
}
