#include "bench/support/shapes.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace runnel::bench {
namespace {

ModelShape read_shape(const std::filesystem::path& path) {
  ModelShape model;
  model.name = path.stem().string();
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string name;
    MatrixShape matrix;
    bool parsed = static_cast<bool>(fields >> name);
    if (name == "attention") {
      parsed = parsed && fields >> model.heads >> model.kv_heads >> model.head_dim;
    } else {
      parsed = parsed && fields >> matrix.k >> matrix.n;
      matrix.name = name;
      if (name == "attn.out") model.hidden = matrix.n;
      if (name == "ffn.down") model.ffn = matrix.k;
      model.matrices.push_back(matrix);
    }
    if (!parsed) {
      std::fprintf(stderr, "%s: cannot read \"%s\"\n", path.c_str(), line.c_str());
      std::exit(1);
    }
  }
  if (model.heads == 0 || model.hidden == 0 || model.ffn == 0) {
    std::fprintf(stderr, "%s: no attention, attn.out or ffn.down\n", path.c_str());
    std::exit(1);
  }
  return model;
}

std::vector<ModelShape> read_shapes() {
  std::vector<ModelShape> models;
  for (const auto& entry : std::filesystem::directory_iterator(RUNNEL_BENCH_SHAPES)) {
    if (entry.path().extension() == ".txt") models.push_back(read_shape(entry.path()));
  }
  std::sort(models.begin(), models.end(), [](const ModelShape& a, const ModelShape& b) { return a.name < b.name; });
  return models;
}

}  // namespace

const std::vector<ModelShape>& model_shapes() {
  static const std::vector<ModelShape> models = read_shapes();
  return models;
}

}  // namespace runnel::bench
