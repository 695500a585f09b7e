// GateKind of graph/op.h. Exponentials never become infinite over infinite.
layout(constant_id = 1) const uint kKind = 0;

// The error function by Abramowitz and Stegun 7.1.26: at most 1.5e-7 off.
float error_function(float x) {
  const float magnitude = abs(x);
  const float t = 1.0 / (1.0 + 0.3275911 * magnitude);
  const float series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const float value = 1.0 - series * exp(-magnitude * magnitude);
  return x < 0 ? -value : value;
}

float hyperbolic_tangent(float x) {
  const float e = exp(-2.0 * abs(x));
  const float value = (1.0 - e) / (1.0 + e);
  return x < 0 ? -value : value;
}

float activate(float x) {
  switch (kKind) {
    case 0: return x / (1.0 + exp(-x));
    case 1: return 0.5 * x * (1.0 + error_function(x * 0.70710678118654752));
    case 2: return 0.5 * x * (1.0 + hyperbolic_tangent(0.79788456080286536 * (x + 0.044715 * x * x * x)));
    default: return max(x, 0.0);
  }
}
