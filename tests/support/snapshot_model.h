// A tiny model with a context of many KV pages, and sessions of it, for the tests of snapshots.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "runnel/session.h"
#include "tests/support/tiny_model_file.h"

namespace runnel::test {

inline constexpr uint32_t kSnapshotPageTokens = 32;

// Context of 1024 tokens: 32 pages of 8 KiB in f16.
inline const std::string& snapshot_model_path() {
  static const TempFolder folder;
  static const std::string path = [] {
    TinyModel model;
    model.context = 1024;
    std::string file = (folder / "many-pages.rnl").string();
    convert_tiny(model, "q8", file);
    return file;
  }();
  return path;
}

inline Model open_snapshot_model(OpenOptions options = {}) {
  if (options.threads == 0) options.threads = 1;
  options.verify = Verify::off;
  auto model = Model::open(snapshot_model_path().c_str(), options);
  if (!model.ok()) throw std::runtime_error(model.status().message());
  return *std::move(model);
}

inline Session open_session(const Model& model, SessionOptions options = {}) {
  auto session = Session::create(model, options);
  if (!session.ok()) throw std::runtime_error(session.status().message());
  return *std::move(session);
}

// Pseudo-random ids; two seeds have nothing in common.
inline std::vector<int32_t> ids_of(uint32_t count, uint32_t seed = 1) {
  std::vector<int32_t> ids(count);
  for (uint32_t i = 0; i < count; ++i)
    ids[i] = static_cast<int32_t>(((seed * 2654435761u + i) * 2246822519u >> 9) % 288);
  return ids;
}

// What a session would say next, drawn with its own generator; the session moves on.
inline std::vector<int32_t> next_ids(Session& session, uint32_t count) {
  const SamplerOptions sampler{.temperature = 1, .top_p = 0.98f, .repetition_penalty = 1.1f};
  std::vector<int32_t> ids;
  for (uint32_t i = 0; i < count; ++i) {
    const auto id = session.next(sampler);
    EXPECT_TRUE(id.ok()) << id.status().message();
    if (!id.ok()) break;
    ids.push_back(*id);
  }
  return ids;
}

inline std::vector<int32_t> tokens_of(const Session& session) {
  return {session.tokens().begin(), session.tokens().end()};
}

}  // namespace runnel::test
