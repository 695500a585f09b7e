#include "tests/support/tiny_session.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/support/tiny_model_file.h"

namespace runnel::test {

Model open_model(OpenOptions options) {
  if (options.threads == 0) options.threads = 1;
  auto model = Model::open(tiny_model_path().c_str(), options);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return *std::move(model);
}

Session open_session(const Model& model, SessionOptions options) {
  auto session = Session::create(model, options);
  EXPECT_TRUE(session.ok()) << session.status().message();
  return *std::move(session);
}

std::vector<float> logits_of(Session& session) {
  const auto row = session.logits();
  EXPECT_TRUE(row.ok()) << row.status().message();
  return row.ok() ? std::vector<float>(row->begin(), row->end()) : std::vector<float>();
}

std::vector<int32_t> some_ids(uint32_t count, uint32_t seed) {
  std::vector<int32_t> ids(count);
  uint32_t state = seed * 2654435761u + 1;
  for (int32_t& id : ids) {
    state = state * 1664525u + 1013904223u;
    id = static_cast<int32_t>(state >> 16) % 280 + 6;
  }
  return ids;
}

}  // namespace runnel::test
