#include "tests/support/reference_graph.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "graph/op.h"
#include "kernels/half.h"

namespace runnel::test {
namespace {

struct Matrix {
  size_t rows = 0, cols = 0;
  std::vector<double> values;
  Matrix() = default;
  Matrix(size_t r, size_t c) : rows(r), cols(c), values(r * c) {}
  double& at(size_t r, size_t c) { return values[r * cols + c]; }
  double at(size_t r, size_t c) const { return values[r * cols + c]; }
};

double activate(int kind, double x) {
  switch (kind) {
    case 0: return x / (1 + std::exp(-x));
    case 1: return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case 2: return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    default: return x > 0 ? x : 0;
  }
}

Matrix linear(const Matrix& x, const Matrix& w, const Matrix* bias) {
  Matrix y(x.rows, w.rows);
  for (size_t r = 0; r < x.rows; ++r) {
    for (size_t o = 0; o < w.rows; ++o) {
      double sum = bias == nullptr ? 0 : bias->at(0, o);
      for (size_t c = 0; c < x.cols; ++c) sum += x.at(r, c) * w.at(o, c);
      y.at(r, o) = sum;
    }
  }
  return y;
}

Matrix norm(const Matrix& x, const Matrix& w, const Matrix* bias, double eps, size_t heads, bool centred) {
  Matrix y(x.rows, x.cols);
  const size_t width = x.cols / heads;
  for (size_t r = 0; r < x.rows; ++r) {
    for (size_t h = 0; h < heads; ++h) {
      double mean = 0, squares = 0;
      for (size_t c = 0; centred && c < width; ++c) mean += x.at(r, h * width + c) / double(width);
      for (size_t c = 0; c < width; ++c) squares += std::pow(x.at(r, h * width + c) - mean, 2);
      const double factor = 1 / std::sqrt(squares / double(width) + eps);
      for (size_t c = 0; c < width; ++c) {
        y.at(r, h * width + c) = (x.at(r, h * width + c) - mean) * factor * w.at(0, c) + (bias ? bias->at(0, c) : 0);
      }
    }
  }
  return y;
}

Matrix rope(const Matrix& x, const Matrix& table, const double* attrs) {
  Matrix y = x;
  const auto heads = size_t(attrs[0]), head_dim = size_t(attrs[1]), half = size_t(attrs[2]) / 2;
  const bool interleaved = attrs[3] != 0;
  for (size_t t = 0; t < x.rows; ++t) {
    for (size_t h = 0; h < heads; ++h) {
      for (size_t i = 0; i < half; ++i) {
        const size_t a = h * head_dim + (interleaved ? 2 * i : i), b = a + (interleaved ? 1 : half);
        const double cosine = table.at(t, i), sine = table.at(t, half + i);
        y.at(t, a) = x.at(t, a) * cosine - x.at(t, b) * sine;
        y.at(t, b) = x.at(t, b) * cosine + x.at(t, a) * sine;
      }
    }
  }
  return y;
}

double halved(double x) { return f16_to_f32(f32_to_f16(float(x))); }

Matrix attention(const Matrix& q, const Matrix& k, const Matrix& v, const StateSlot& slot, size_t heads, double scale) {
  Matrix y(q.rows, q.cols);
  const size_t dim = slot.head_dim, group = heads / slot.kv_heads;
  for (size_t t = 0; t < q.rows; ++t) {
    for (size_t h = 0; h < heads; ++h) {
      const size_t first = slot.window != 0 && t + 1 > slot.window ? t + 1 - slot.window : 0;
      std::vector<double> weights;
      double sum = 0;
      for (size_t j = first; j <= t; ++j) {
        double dot = 0;
        for (size_t d = 0; d < dim; ++d) dot += q.at(t, h * dim + d) * halved(k.at(j, h / group * dim + d));
        weights.push_back(std::exp(dot * scale));
        sum += weights.back();
      }
      for (size_t j = first; j <= t; ++j) {
        for (size_t d = 0; d < dim; ++d) {
          y.at(t, h * dim + d) += weights[j - first] / sum * halved(v.at(j, h / group * dim + d));
        }
      }
    }
  }
  return y;
}

template <class F>
Matrix each(const Matrix& a, const Matrix& b, F f) {
  Matrix y(a.rows, a.cols);
  for (size_t i = 0; i < y.values.size(); ++i) y.values[i] = f(a.values[i], b.values[i]);
  return y;
}

Matrix columns(const Matrix& x, size_t begin, size_t cols) {
  Matrix y(x.rows, cols);
  for (size_t r = 0; r < x.rows; ++r) {
    for (size_t c = 0; c < cols; ++c) y.at(r, c) = x.at(r, begin + c);
  }
  return y;
}

Matrix pick_rows(const Matrix& x, const std::vector<uint32_t>& rows) {
  Matrix y(rows.size(), x.cols);
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < x.cols; ++c) y.at(r, c) = x.at(rows[r], c);
  }
  return y;
}

}  // namespace

std::vector<double> run_reference(const Graph& graph, const GraphWeights& weights, const std::vector<int32_t>& ids,
                                  const std::vector<uint32_t>& output_rows) {
  std::vector<Matrix> values(graph.values.size());
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (value.tensor == UINT32_MAX) continue;
    values[i] = Matrix(value.shape.rows, value.shape.cols);
    const std::vector<float>& floats = weights.values(value.tensor);
    values[i].values.assign(floats.begin(), floats.end());
  }
  for (const Node& node : graph.nodes) {
    const auto in = [&](uint32_t i) -> const Matrix& { return values[node.inputs[i]]; };
    const Matrix* third = node.input_count > 2 ? &in(2) : nullptr;
    const std::string name = node.op->name;
    const double* attrs = node.attrs;
    Matrix& out = values[node.outputs[0]];
    if (name == "embed") {
      out = pick_rows(in(0), std::vector<uint32_t>(ids.begin(), ids.end()));
    } else if (name == "linear") {
      out = linear(in(0), in(1), third);
    } else if (name == "split") {
      size_t begin = 0;
      for (uint32_t i = 0; i < node.output_count; ++i) {
        values[node.outputs[i]] = columns(in(0), begin, size_t(attrs[i]));
        begin += size_t(attrs[i]);
      }
    } else if (name == "rms_norm") {
      out = norm(in(0), in(1), nullptr, attrs[0], size_t(attrs[1]), false);
    } else if (name == "layer_norm") {
      out = norm(in(0), in(1), third, attrs[0], 1, true);
    } else if (name == "rope_table") {
      out = Matrix(ids.size(), in(0).cols * 2);
      for (size_t t = 0; t < out.rows; ++t) {
        for (size_t i = 0; i < in(0).cols; ++i) {
          out.at(t, i) = attrs[0] * std::cos(double(t) * in(0).at(0, i));
          out.at(t, in(0).cols + i) = attrs[0] * std::sin(double(t) * in(0).at(0, i));
        }
      }
    } else if (name == "rope") {
      out = rope(in(0), in(1), attrs);
    } else if (name == "attention") {
      out = attention(in(0), in(1), in(2), graph.slots[size_t(attrs[0])], size_t(attrs[1]), attrs[2]);
    } else if (name == "gated") {
      out = each(in(0), in(1), [&](double g, double u) { return activate(int(attrs[0]), g) * u; });
    } else if (name == "activation") {
      out = each(in(0), in(0), [&](double x, double) { return activate(int(attrs[0]), x); });
    } else if (name == "add") {
      out = each(in(0), in(1), [](double a, double b) { return a + b; });
    } else if (name == "mul") {
      out = each(in(0), in(1), [](double a, double b) { return a * b; });
    } else if (name == "scale") {
      out = each(in(0), in(0), [&](double x, double) { return x * attrs[0]; });
    } else if (name == "soft_cap") {
      out = each(in(0), in(0), [&](double x, double) { return attrs[0] * std::tanh(x / attrs[0]); });
    } else if (name == "select_rows") {
      out = pick_rows(in(0), output_rows);
    } else {
      throw std::runtime_error("reference graph: no rule for " + name);
    }
  }
  return values[graph.logits].values;
}

}  // namespace runnel::test
