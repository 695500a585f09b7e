// From the header's bytes to a verified graph: FlatBuffers' verifier, then every id, count, size, offset and shape.
//
// Thread rule: any thread.
#pragma once

#include <span>

#include "graph/file/format.h"
#include "graph/graph.h"

namespace runnel::fb {
struct Model;
}

namespace runnel::rnl {

// Checks `bytes` (64-byte aligned) wholly and builds its graph. *model points into bytes. Requires: the bytes match
// prelude.header_hash; prelude is that of the first shard.
Status read_header(std::span<const uint8_t> bytes, const Prelude& prelude, const fb::Model** model,
                   Graph* graph) noexcept;

// The chunk hashes of a checked header.
const Digest* chunk_hashes(const fb::Model& model) noexcept;

}  // namespace runnel::rnl
