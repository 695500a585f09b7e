// Sessions on the tiny model of tiny_model_file.h, through the API.
#pragma once

#include <cstdint>
#include <vector>

#include "runnel/session.h"

namespace runnel::test {

// Each fails the test where it is refused. Without threads in the options: one.
Model open_model(OpenOptions options = {});
Session open_session(const Model& model, SessionOptions options = {});

// The row of the last token; empty, and the test failed, where there is none.
std::vector<float> logits_of(Session& session);

// Pseudo-random ordinary tokens of the tiny model's vocabulary; different seeds part at the first or second one.
std::vector<int32_t> some_ids(uint32_t count, uint32_t seed = 1);

}  // namespace runnel::test
