#include "converters/recipe/check_hparams.h"

#include <cmath>

namespace runnel {
namespace {

struct Bound {
  const char* name;
  uint32_t value, most;
};

}  // namespace

Status check_hparams(const HParams& h) {
  const Bound bounds[] = {
      {"layers", h.layers, 4096},
      {"embedding length", h.model, 1u << 20},
      {"feed-forward length", h.ffn, 1u << 24},
      {"attention heads", h.heads, 4096},
      {"key/value heads", h.kv_heads, 4096},
      {"head dimensions", h.head_dim, 512},
      {"tokens in the vocabulary", h.vocab, 1u << 24},
      {"context length", h.context_length, 1u << 30},
  };
  for (const Bound& bound : bounds)
    if (bound.value == 0 || bound.value > bound.most)
      return Status::error(Code::corrupt_file, "convert: the model has %u %s (1 to %u are possible)", bound.value,
                           bound.name, bound.most);
  if (h.heads % h.kv_heads != 0)
    return Status::error(Code::corrupt_file, "convert: %u attention heads over %u key/value heads", h.heads,
                         h.kv_heads);
  if (h.rope.dim > h.head_dim)
    return Status::error(Code::corrupt_file, "convert: %u rotated dimensions of heads of %u", h.rope.dim, h.head_dim);
  if (!std::isfinite(h.eps) || h.eps < 0 || h.eps > 1)
    return Status::error(Code::corrupt_file, "convert: norm epsilon %g", static_cast<double>(h.eps));
  return {};
}

}  // namespace runnel
