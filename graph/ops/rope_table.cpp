// y[t] = amplitude * (cos(p f_0), ..., cos(p f_{n-1}), sin(p f_0), ..., sin(p f_{n-1})), p the position of token t
//
// in: inv_freq f (1, n).  out: (tokens, 2 n). Computed once a step for all layers that share the frequencies.
#include <cmath>

#include "graph/cpu/cpu_op.h"
#include "graph/op.h"

namespace runnel {
namespace {

enum : uint32_t { kAmplitude };
constexpr AttrDef kAttrs[] = {{"amplitude", AttrDef::Kind::real, -1e6, 1e6, 1}};

Status infer(const InferArgs& args) noexcept {
  const Shape& f = args.in[0].shape;
  RUNNEL_TRY(require_vector(args, 0, "inv_freq", f.cols));
  if (f.cols > 256) {
    return Status::error(Code::invalid_argument, "rope_table: %u frequencies, at most 256 are allowed", f.cols);
  }
  args.out[0] = {Rows::tokens, 0, f.cols * 2};
  return {};
}

void run(const CpuCall& call, const CpuStep& step, uint32_t, Slice slice, uint32_t) noexcept {
  const auto amplitude = static_cast<float>(call.attrs[kAmplitude]);
  const uint32_t count = call.in[0].cols;
  const float* inv_freq = call.in[0].vector();
  for (uint32_t t = slice.begin; t < slice.end; ++t) {
    float* y = call.out[0].row(t);
    const auto position = static_cast<float>(step.first_position + t);
    for (uint32_t i = 0; i < count; ++i) {
      const float angle = position * inv_freq[i];  // rounded to float, as the models were trained
      y[i] = std::cos(angle) * amplitude;
      y[count + i] = std::sin(angle) * amplitude;
    }
  }
}

// A row costs two calls of the maths library a frequency: short slices.
Split split(const CpuCall& call, const CpuStep&, uint32_t) noexcept { return {call.out[0].rows, 4}; }

constexpr CpuOp kCpu = {.split = split, .run = run};

}  // namespace

const OpDef op_rope_table = {
    .name = "rope_table",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .attrs = kAttrs,
    .infer = infer,
    .cpu = &kCpu,
};

}  // namespace runnel
