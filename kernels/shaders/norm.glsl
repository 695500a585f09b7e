// Norms: a work group is a head of a row, each thread adds every kThreads-th value.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 32;
layout(push_constant) uniform Push {
  Floats x;
  Floats weight;
  Floats bias;
  Floats y;
  uint x_stride;
  uint y_stride;
  uint width;  // of a head
  float eps;
  uint has_bias;
} pc;

shared float partial[kThreads];

// Of all threads' values, in their order.
float sum_of(float value) {
  partial[gl_LocalInvocationID.x] = value;
  barrier();
  float sum = 0;
  for (uint i = 0; i < kThreads; ++i) sum += partial[i];
  barrier();
  return sum;
}
