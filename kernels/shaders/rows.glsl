// Shaders that go element by element: a thread is a column of a row.
layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push {
  Floats a;
  Floats b;  // those with two inputs
  Floats y;
  uint a_stride;  // floats
  uint b_stride;
  uint y_stride;
  uint cols;
  float factor;
} pc;
