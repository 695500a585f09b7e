// A small valid model file of any size, for tests of the format: weights are pseudo-random bytes, never computed with.
//
// Errors are exceptions (std::runtime_error): a test that cannot write its input has failed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "graph/file/model_writer.h"
#include "graph/graph.h"
#include "tests/support/tiny_models.h"

namespace runnel::test {

struct SmallModel {
  uint32_t layers = 2;
  uint32_t width = 64;  // of the residual stream; a multiple of 32
  uint32_t vocab = 96;
  uint32_t seed = 1;  // of the weights' bytes
  std::string name = "small";
  std::vector<std::string> sections = {"tokenizer"};  // each holds its own name, repeated
};

// A graph with f32 and q8g32 weights. Tensor offsets are not set.
Graph small_graph(const SmallModel& model);

// What write_small() puts into tensor `index`, `bytes` of them.
std::vector<uint8_t> small_tensor(const SmallModel& model, uint32_t index, uint64_t bytes);
std::vector<uint8_t> small_section(const std::string& name);

// Everything but the weights. Borrows `model` and `graph`, and static storage.
class SmallSpec {
 public:
  SmallSpec(const SmallModel& model, const Graph& graph);
  const ModelSpec& spec() const { return spec_; }

 private:
  std::vector<std::vector<uint8_t>> section_bytes_;
  std::vector<SectionData> sections_;
  ModelSpec spec_;
};

// Writes it by ModelWriter, and returns the first failure.
Status write_small(const SmallModel& model, const std::filesystem::path& path, const WriterOptions& options = {});

// The bytes of a file, in memory aligned for ModelFile::open_memory.
struct AlignedBytes {
  std::vector<uint8_t> storage;
  size_t offset = 0, size = 0;
  uint8_t* data() { return storage.data() + offset; }
  std::span<const uint8_t> span() { return {data(), size}; }
};
AlignedBytes aligned(const std::vector<uint8_t>& bytes);
std::vector<uint8_t> read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::vector<uint8_t>& bytes);

// The names in a folder, sorted.
std::vector<std::string> names_in(const TempFolder& folder);

}  // namespace runnel::test
