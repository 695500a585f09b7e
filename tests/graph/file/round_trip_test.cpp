// What the writer writes, the reader reads: every field, every byte, one file or many.
#include <gtest/gtest.h>

#include <cstring>

#include "graph/file/model_file.h"
#include "graph/file/model_generated.h"
#include "graph/op.h"
#include "tests/support/small_model.h"

namespace runnel {
namespace {

using test::SmallModel;
using test::TempFolder;

void expect_same_graph(const Graph& a, const Graph& b) {
  ASSERT_EQ(a.values.size(), b.values.size());
  for (size_t i = 0; i < a.values.size(); ++i) {
    EXPECT_EQ(a.values[i].shape, b.values[i].shape) << i;
    EXPECT_EQ(a.values[i].tensor, b.values[i].tensor) << i;
  }
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (size_t i = 0; i < a.nodes.size(); ++i) {
    const Node &x = a.nodes[i], &y = b.nodes[i];
    EXPECT_EQ(x.op, y.op) << i;
    EXPECT_EQ(x.layer, y.layer) << i;
    ASSERT_EQ(x.input_count, y.input_count) << i;
    ASSERT_EQ(x.output_count, y.output_count) << i;
    for (uint32_t j = 0; j < x.input_count; ++j) EXPECT_EQ(x.inputs[j], y.inputs[j]) << i;
    for (uint32_t j = 0; j < x.output_count; ++j) EXPECT_EQ(x.outputs[j], y.outputs[j]) << i;
    for (uint32_t j = 0; j < kMaxAttrs; ++j) EXPECT_EQ(x.attrs[j], y.attrs[j]) << i << " " << x.op->name;
  }
  ASSERT_EQ(a.slots.size(), b.slots.size());
  for (size_t i = 0; i < a.slots.size(); ++i) {
    EXPECT_EQ(a.slots[i].kv_heads, b.slots[i].kv_heads);
    EXPECT_EQ(a.slots[i].head_dim, b.slots[i].head_dim);
    EXPECT_EQ(a.slots[i].window, b.slots[i].window);
  }
  EXPECT_EQ(a.logits, b.logits);
}

void expect_weights(const ModelFile& file, const SmallModel& model) {
  for (uint32_t i = 0; i < file.graph().tensors.size(); ++i) {
    const TensorDesc& tensor = file.graph().tensors[i];
    const Status status = file.touch_tensor(i);
    EXPECT_TRUE(status.ok()) << status.message();
    const std::vector<uint8_t> expected = test::small_tensor(model, i, tensor.bytes);
    EXPECT_EQ(std::memcmp(file.tensor_data(i), expected.data(), expected.size()), 0) << tensor.name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file.tensor_data(i)) % 64, 0u) << tensor.name;
  }
  const Status status = file.settle();
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(ModelFile, RoundTrip) {
  const TempFolder folder;
  const SmallModel model;
  const Status written = test::write_small(model, folder / "a.rnl");
  ASSERT_TRUE(written.ok()) << written.message();
  EXPECT_EQ(test::names_in(folder), std::vector<std::string>{"a.rnl"});

  auto file = ModelFile::open((folder / "a.rnl").c_str());
  ASSERT_TRUE(file.ok()) << file.status().message();
  expect_same_graph(file->graph(), test::small_graph(model));
  expect_weights(*file, model);
  EXPECT_EQ(file->name(), "small");
  EXPECT_EQ(file->architecture(), "test");
  EXPECT_EQ(file->weights_label(), "q8");
  EXPECT_EQ(file->chat_template(), "{{ messages }}");
  EXPECT_EQ(file->context_length(), 128u);
  EXPECT_EQ(file->vocab_size(), 96u);
  ASSERT_EQ(file->end_ids().size(), 2u);
  EXPECT_EQ(file->end_ids()[1], 7);
  EXPECT_EQ(file->hash_hex().size(), 64u);
  EXPECT_EQ(file->signer_hex(), "");
  EXPECT_EQ(file->file_bytes(), std::filesystem::file_size(folder / "a.rnl"));

  auto section = file->section("tokenizer");
  ASSERT_TRUE(section.ok());
  EXPECT_EQ(std::vector<uint8_t>(section->begin(), section->end()), test::small_section("tokenizer"));
  EXPECT_EQ(file->section("no such")->size(), 0u);
  EXPECT_TRUE(file->verify_all(nullptr, nullptr).ok());
  EXPECT_TRUE(file->verified());

  const auto& header = *static_cast<const fb::Model*>(file->header());
  ASSERT_EQ(header.golden_texts()->size(), 2u);
  EXPECT_EQ(header.golden_texts()->Get(0)->text()->string_view(), "a golden text");
  EXPECT_EQ(header.golden_texts()->Get(0)->ids()->Get(2), 9);
  EXPECT_EQ(header.golden_chats()->Get(0)->rendered()->string_view(), "<user>hi</user>");
  ASSERT_EQ(header.provenance()->size(), 3u);
  EXPECT_EQ(header.provenance()->Get(2)->value()->string_view(), "00ff");
  EXPECT_EQ(header.tensors()->Get(0)->relative_rms(), 0.25f);
  EXPECT_EQ(header.quality()->Get(0)->value(), 3.5);
}

TEST(ModelFile, LayersBeginAtPagesAndTensorsAscend) {
  const TempFolder folder;
  ASSERT_TRUE(test::write_small({}, folder / "a.rnl").ok());
  auto file = ModelFile::open((folder / "a.rnl").c_str());
  ASSERT_TRUE(file.ok()) << file.status().message();
  uint64_t end = 0;
  for (const TensorDesc& tensor : file->graph().tensors) {
    EXPECT_GE(tensor.offset, end) << tensor.name;
    EXPECT_EQ(tensor.offset % 64, 0u) << tensor.name;
    end = tensor.offset + tensor.bytes;
    if (std::strstr(tensor.name, ".attn.norm") == nullptr) continue;
    EXPECT_EQ(tensor.offset % 16384, 0u) << tensor.name;
  }
  EXPECT_EQ(file->graph().tensors[0].offset % 16384, 0u);
}

TEST(ModelFile, SameInputSameBytes) {
  const TempFolder folder;
  ASSERT_TRUE(test::write_small({}, folder / "a.rnl").ok());
  ASSERT_TRUE(test::write_small({}, folder / "b.rnl").ok());
  EXPECT_EQ(test::read_file(folder / "a.rnl"), test::read_file(folder / "b.rnl"));
}

TEST(ModelFile, OpensFromMemory) {
  const TempFolder folder;
  const SmallModel model;
  ASSERT_TRUE(test::write_small(model, folder / "a.rnl").ok());
  auto bytes = test::aligned(test::read_file(folder / "a.rnl"));
  auto file = ModelFile::open_memory(bytes.span(), {Verify::eager, {}});
  ASSERT_TRUE(file.ok()) << file.status().message();
  expect_weights(*file, model);
  EXPECT_EQ(file->fingerprint(), "");
}

TEST(ModelFile, ShardsReadLikeOneFile) {
  const TempFolder folder;
  SmallModel model;
  model.width = 320;
  model.vocab = 400;
  WriterOptions options;
  options.chunk_bytes = 65536;
  ASSERT_TRUE(test::write_small(model, folder / "one.rnl", options).ok());
  options.shard_bytes = 256 << 10;
  const Status written = test::write_small(model, folder / "many.rnl", options);
  ASSERT_TRUE(written.ok()) << written.message();
  const size_t shards = test::names_in(folder).size() - 1;
  ASSERT_GE(shards, 4u);
  uint64_t file_bytes = 0;
  for (const std::string& name : test::names_in(folder)) {
    if (name == "one.rnl") continue;
    EXPECT_LE(std::filesystem::file_size(folder / name), options.shard_bytes) << name;
    file_bytes += std::filesystem::file_size(folder / name);
  }

  auto one = ModelFile::open((folder / "one.rnl").c_str());
  auto many = ModelFile::open((folder / test::names_in(folder)[0]).c_str());
  ASSERT_TRUE(one.ok()) << one.status().message();
  ASSERT_TRUE(many.ok()) << many.status().message();
  EXPECT_EQ(many->file_bytes(), file_bytes);
  expect_same_graph(one->graph(), many->graph());
  expect_weights(*one, model);
  expect_weights(*many, model);
  EXPECT_TRUE(many->verify_all(nullptr, nullptr).ok());
}

TEST(ModelFile, AShardSizeThatFitsGivesOneFile) {
  const TempFolder folder;
  WriterOptions options;
  options.shard_bytes = 64 << 20;
  ASSERT_TRUE(test::write_small({}, folder / "a.rnl", options).ok());
  EXPECT_EQ(test::names_in(folder), std::vector<std::string>{"a.rnl"});
}

TEST(ModelFile, MovesLeaveNothingBehind) {
  const TempFolder folder;
  const SmallModel model;
  ASSERT_TRUE(test::write_small(model, folder / "a.rnl").ok());
  auto opened = ModelFile::open((folder / "a.rnl").c_str());
  ASSERT_TRUE(opened.ok());
  ModelFile a = *std::move(opened);
  ModelFile b = std::move(a);
  expect_weights(b, model);
  a = std::move(b);
  expect_weights(a, model);
}

}  // namespace
}  // namespace runnel
