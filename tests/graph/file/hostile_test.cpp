// Files that lie, break off, or are something else: each is refused with its cause, none crashes.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "graph/file/format.h"
#include "graph/file/header_read.h"
#include "graph/file/model_file.h"
#include "graph/file/model_generated.h"
#include "graph/op.h"
#include "tests/support/instrumented.h"
#include "tests/support/small_model.h"

namespace runnel {
namespace {

using test::AlignedBytes;
using test::SmallModel;
using test::TempFolder;

std::vector<uint8_t> small_bytes(const SmallModel& model = {}) {
  const TempFolder folder;
  WriterOptions options;
  options.late_provenance_bytes = 512;
  const Status status = test::write_small(model, folder / "a.rnl", options);
  EXPECT_TRUE(status.ok()) << status.message();
  return test::read_file(folder / "a.rnl");
}

Status open_bytes(const std::vector<uint8_t>& bytes, Verify verify = Verify::off) {
  AlignedBytes memory = test::aligned(bytes);
  return ModelFile::open_memory(memory.span(), {verify, {}}).status();
}

void expect_refused(const Status& status, Code code, const char* part) {
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(std::strstr(status.message(), part), nullptr) << part << " is missing in: " << status.message();
  EXPECT_EQ(std::strncmp(status.message(), "model file", 10), 0) << status.message();
}

uint64_t data_offset(const std::vector<uint8_t>& bytes) {
  uint64_t offset;
  std::memcpy(&offset, bytes.data() + 24, sizeof offset);
  return offset;
}

TEST(HostileModelFile, EveryBitOfTheHeaderCounts) {
  SmallModel model;
  model.layers = 1;
  const std::vector<uint8_t> bytes = small_bytes(model);
  AlignedBytes memory = test::aligned(bytes);
  const size_t end = static_cast<size_t>(data_offset(bytes));
  ASSERT_TRUE(ModelFile::open_memory(memory.span()).ok());
  const size_t step = end / test::effort(end);
  for (size_t at = 0; at < end; at += step) {
    for (int bit = 0; bit < 8; ++bit) {
      memory.data()[at] ^= static_cast<uint8_t>(1 << bit);
      const auto file = ModelFile::open_memory(memory.span(), {Verify::off, {}});
      EXPECT_FALSE(file.ok()) << "byte " << at << " bit " << bit;
      EXPECT_EQ(file.status().code(), Code::corrupt_file) << file.status().message();
      memory.data()[at] ^= static_cast<uint8_t>(1 << bit);
    }
  }
}

TEST(HostileModelFile, FlippedWeightsAreFoundByEveryWayOfVerifying) {
  const std::vector<uint8_t> whole = small_bytes();
  AlignedBytes good = test::aligned(whole);
  auto reference = ModelFile::open_memory(good.span());
  ASSERT_TRUE(reference.ok());
  const Graph& graph = reference->graph();
  for (uint32_t i = 0; i < graph.tensors.size(); ++i) {
    std::vector<uint8_t> bytes = whole;
    bytes[data_offset(bytes) + graph.tensors[i].offset + graph.tensors[i].bytes / 2] ^= 0x10;
    AlignedBytes memory = test::aligned(bytes);
    expect_refused(open_bytes(bytes, Verify::eager), Code::corrupt_file, "does not match its SHA-256");

    auto off = ModelFile::open_memory(memory.span(), {Verify::off, {}});
    ASSERT_TRUE(off.ok());
    expect_refused(off->verify_all(nullptr, nullptr), Code::corrupt_file, "in tensor");

    auto lazy = ModelFile::open_memory(memory.span(), {Verify::lazy, {}});
    ASSERT_TRUE(lazy.ok());
    EXPECT_TRUE(lazy->verification().ok());
    (void)lazy->touch_tensor(i);
    expect_refused(lazy->settle(), Code::corrupt_file, "does not match its SHA-256");
    expect_refused(lazy->verification(), Code::corrupt_file, "chunk 0");
    expect_refused(lazy->touch_tensor(i), Code::corrupt_file, "chunk 0");
    EXPECT_FALSE(lazy->verified());
  }
}

TEST(HostileModelFile, AFlippedSectionIsNotHandedOut) {
  std::vector<uint8_t> bytes = small_bytes();
  bytes[data_offset(bytes) + 5] ^= 1;
  AlignedBytes memory = test::aligned(bytes);
  auto file = ModelFile::open_memory(memory.span());
  ASSERT_TRUE(file.ok());
  expect_refused(file->section("tokenizer").status(), Code::corrupt_file, "section tokenizer");
}

TEST(HostileModelFile, TruncatedAnywhere) {
  const std::vector<uint8_t> bytes = small_bytes();
  for (size_t size = 0; size < bytes.size(); size += 64) {
    const Status status = open_bytes({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)});
    expect_refused(status, Code::corrupt_file, size == 0 ? "empty" : "truncated");
  }
  std::vector<uint8_t> longer = bytes;
  longer.push_back(0);
  expect_refused(open_bytes(longer), Code::corrupt_file, "bytes after the end");
}

TEST(HostileModelFile, FilesOfOtherKinds) {
  const auto kind = [](std::string text, const char* part) {
    std::vector<uint8_t> bytes(text.begin(), text.end());
    expect_refused(open_bytes(bytes), Code::corrupt_file, part);
    bytes.resize(4096);
    expect_refused(open_bytes(bytes), Code::corrupt_file, part);
  };
  kind("GGUF", "GGUF");
  kind(std::string("\x40\0\0\0\0\0\0\0{\"__metadata__\"", 23), "safetensors");
  kind("PK\3\4", "zip");
  kind("version https://git-lfs.github.com/spec/v1\n", "Git LFS");
  kind("<!DOCTYPE html>", "web page");
  kind(
      "\x7f"
      "ELF",
      "a program");
  kind(std::string("\x89RNL\n\x1a\n", 7), "text-mode");
  kind("hello", "magic");
}

TEST(HostileModelFile, PathsThatAreNoFiles) {
  const TempFolder folder;
  expect_refused(ModelFile::open(folder.path().c_str()).status(), Code::io, "directory");
  expect_refused(ModelFile::open((folder / "none.rnl").c_str()).status(), Code::io, "No such file");
  expect_refused(ModelFile::open("/dev/null").status(), Code::io, "not a regular file");
  test::write_file(folder / "empty.rnl", {});
  expect_refused(ModelFile::open((folder / "empty.rnl").c_str()).status(), Code::corrupt_file, "empty");
}

// Seals a prelude again after a test changed it.
void seal(std::vector<uint8_t>* bytes) {
  Digest digest;
  ASSERT_TRUE(sha256({bytes->data(), rnl::kSignedPartBytes}, &digest));
  std::memcpy(bytes->data() + rnl::kSignedPartBytes, digest.bytes, 32);
}

template <class T>
std::vector<uint8_t> with_field(std::vector<uint8_t> bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
  seal(&bytes);
  return bytes;
}

TEST(HostileModelFile, PreludesThatLieWithAGoodHash) {
  const std::vector<uint8_t> bytes = small_bytes();
  expect_refused(open_bytes(with_field<uint32_t>(bytes, 8, 2)), Code::unsupported, "format version 2");
  expect_refused(open_bytes(with_field<uint32_t>(bytes, 12, 512)), Code::corrupt_file, "contradicts");
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 255}) {
    EXPECT_EQ(open_bytes(with_field(bytes, 16, value)).code(), Code::corrupt_file) << value;
    EXPECT_EQ(open_bytes(with_field(bytes, 24, value)).code(), Code::corrupt_file) << value;
    EXPECT_EQ(open_bytes(with_field(bytes, 40, value)).code(), Code::corrupt_file) << value;
    EXPECT_EQ(open_bytes(with_field(bytes, 48, value)).code(), Code::corrupt_file) << value;
  }
  EXPECT_EQ(open_bytes(with_field<uint64_t>(bytes, 32, 64)).code(), Code::corrupt_file);
  EXPECT_EQ(open_bytes(with_field<uint32_t>(bytes, 56, 1)).code(), Code::corrupt_file);
  EXPECT_EQ(open_bytes(with_field<uint32_t>(bytes, 60, 0)).code(), Code::corrupt_file);
  EXPECT_FALSE(open_bytes(with_field<uint32_t>(bytes, 60, 7)).ok());
  EXPECT_EQ(open_bytes(with_field<uint8_t>(bytes, 160, 1)).code(), Code::corrupt_file) << "a signature without a key";
  expect_refused(open_bytes(with_field<uint8_t>(bytes, 128, 1)), Code::corrupt_file, "signature");
}

// A model whose header the test changes in place, with all hashes made right again: only the semantic checks are left.
class Forged {
 public:
  Forged() : bytes_(small_bytes()) {}

  fb::Model* model() { return flatbuffers::GetMutableRoot<fb::Model>(header()); }

  // For fields without a generated setter.
  template <class T>
  static void set(const flatbuffers::Table* table, flatbuffers::voffset_t field, T value) {
    ASSERT_TRUE(const_cast<flatbuffers::Table*>(table)->SetField<T>(field, value, T(!value)));
  }
  template <class T>
  static const flatbuffers::Table* table(const T* t) {
    return reinterpret_cast<const flatbuffers::Table*>(t);
  }
  template <class T>
  static void set_item(const flatbuffers::Vector<T>* list, uint32_t i, T value) {
    const_cast<flatbuffers::Vector<T>*>(list)->Mutate(i, value);
  }
  // Overwrites a string in place with one of at most its length.
  static void set_text(const flatbuffers::String* text, std::string_view value) {
    ASSERT_EQ(text->size(), value.size());
    std::memcpy(const_cast<char*>(text->c_str()), value.data(), value.size());
  }

  Status open() {
    uint64_t header_bytes;
    std::memcpy(&header_bytes, bytes_.data() + 16, sizeof header_bytes);
    Digest digest;
    EXPECT_TRUE(sha256({header(), static_cast<size_t>(header_bytes)}, &digest));
    std::memcpy(bytes_.data() + 64, digest.bytes, 32);
    seal(&bytes_);
    return open_bytes(bytes_);
  }

 private:
  uint8_t* header() { return bytes_.data() + rnl::kPreludeBytes; }
  std::vector<uint8_t> bytes_;
};

void expect_forged(Code code, const char* part, const std::function<void(fb::Model*)>& change) {
  Forged forged;
  change(forged.model());
  expect_refused(forged.open(), code, part);
}

TEST(HostileModelFile, UnchangedForgeryOpens) {
  Forged forged;
  const Status status = forged.open();
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(HostileModelFile, TensorsThatLie) {
  using T = fb::Tensor;
  const auto tensor = [](fb::Model* m, uint32_t i) { return Forged::table(m->tensors()->Get(i)); };
  expect_forged(Code::corrupt_file, "before the end of what lies before", [&](fb::Model* m) {  // overlap
    Forged::set<uint64_t>(tensor(m, 1), T::VT_OFFSET, m->tensors()->Get(0)->offset());
  });
  expect_forged(Code::corrupt_file, "in a data region of",
                [&](fb::Model* m) { Forged::set<uint64_t>(tensor(m, 0), T::VT_OFFSET, 1 << 30); });
  expect_forged(Code::corrupt_file, "in a data region of",
                [&](fb::Model* m) { Forged::set<uint64_t>(tensor(m, 0), T::VT_OFFSET, UINT64_MAX - 63); });
  expect_forged(Code::corrupt_file, "in a data region of", [&](fb::Model* m) {
    Forged::set<uint64_t>(tensor(m, 0), T::VT_OFFSET, m->tensors()->Get(0)->offset() + 4);
  });
  expect_forged(Code::corrupt_file, "bytes, (96, 64) of q8g32 has",
                [&](fb::Model* m) { Forged::set<uint64_t>(tensor(m, 0), T::VT_BYTES, 64); });
  expect_forged(Code::corrupt_file, "too large",
                [&](fb::Model* m) { Forged::set<uint32_t>(tensor(m, 0), T::VT_ROWS, 0); });
  expect_forged(Code::corrupt_file, "embed", [&](fb::Model* m) {
    Forged::set<uint32_t>(tensor(m, 0), T::VT_ROWS, UINT32_MAX);
    Forged::set<uint32_t>(tensor(m, 0), T::VT_COLS, UINT32_MAX);
  });
  expect_forged(Code::corrupt_file, "storage type 77",
                [&](fb::Model* m) { Forged::set<uint32_t>(tensor(m, 0), T::VT_TYPE, 77); });
  expect_forged(Code::corrupt_file, "proper name", [&](fb::Model* m) {
    Forged::set_text(m->tensors()->Get(0)->name(),
                     "em\x1b"
                     "ed");
  });
  expect_forged(Code::corrupt_file, "two tensors are named", [&](fb::Model* m) {
    for (const fb::Tensor* t : *m->tensors()) {
      if (t->name()->string_view() == "1.attn.o") Forged::set_text(t->name(), "0.attn.o");
    }
  });
}

TEST(HostileModelFile, TypesThatLie) {
  using T = fb::TensorType;
  const auto type = [](fb::Model* m) { return Forged::table(m->tensor_types()->Get(0)); };
  expect_forged(Code::unsupported, "storage type 'q8g32'",
                [&](fb::Model* m) { Forged::set<uint32_t>(type(m), T::VT_ID, 250); });
  expect_forged(Code::unsupported, "storage type 'q9g99'",
                [&](fb::Model* m) { Forged::set_text(m->tensor_types()->Get(0)->name(), "q9g99"); });
  expect_forged(Code::unsupported, "convert the model again",
                [&](fb::Model* m) { Forged::set<uint32_t>(type(m), T::VT_NR, 8); });
  expect_forged(Code::corrupt_file, "blocks of",
                [&](fb::Model* m) { Forged::set<uint32_t>(type(m), T::VT_GROUP, 64); });
}

TEST(HostileModelFile, GraphsThatLie) {
  using flatbuffers::Table;
  const auto node = [](fb::Model* m, uint32_t i) { return Forged::table(m->nodes()->Get(i)); };
  expect_forged(Code::unsupported, "op 'em_ed' is not known", [&](fb::Model* m) {
    for (const fb::Op* op : *m->ops()) {
      if (op->name()->string_view() == "embed") Forged::set_text(op->name(), "em_ed");
    }
  });
  expect_forged(Code::unsupported, "attribute 'epz' is not known", [&](fb::Model* m) {
    for (const fb::Op* op : *m->ops()) {
      if (op->name()->string_view() == "rms_norm") Forged::set_text(op->attributes()->Get(0)->name(), "epz");
    }
  });
  expect_forged(Code::corrupt_file, "op 4000000000 of",
                [&](fb::Model* m) { Forged::set<uint32_t>(node(m, 0), fb::Node::VT_OP, 4000000000u); });
  expect_forged(Code::corrupt_file, "input 0",
                [&](fb::Model* m) { Forged::set_item<uint32_t>(m->nodes()->Get(0)->inputs(), 0, 123456); });
  expect_forged(Code::corrupt_file, "output 0",
                [&](fb::Model* m) { Forged::set_item<uint32_t>(m->nodes()->Get(0)->outputs(), 0, UINT32_MAX); });
  expect_forged(Code::corrupt_file, "after layer",
                [&](fb::Model* m) { Forged::set<uint32_t>(node(m, 0), fb::Node::VT_LAYER, 5); });
  expect_forged(Code::corrupt_file, "row kind 9", [&](fb::Model* m) {
    Forged::set<uint8_t>(Forged::table(m->values()->Get(m->logits())), fb::Value::VT_ROW_KIND, 9);
  });
  expect_forged(Code::corrupt_file, "tensor 99999 of", [&](fb::Model* m) {
    Forged::set<uint32_t>(Forged::table(m->values()->Get(0)), fb::Value::VT_TENSOR, 99999);
  });
  expect_forged(Code::corrupt_file, "logits",
                [&](fb::Model* m) { Forged::set<uint32_t>(Forged::table(m), fb::Model::VT_LOGITS, 7777); });
  expect_forged(Code::corrupt_file, "expected", [&](fb::Model* m) {  // not a number as an attribute
    for (const fb::Node* n : *m->nodes()) {
      if (n->attributes()->size() != 0) {
        Forged::set_item<double>(n->attributes(), 0, __builtin_nan(""));
        return;
      }
    }
  });
  expect_forged(Code::corrupt_file, "slot", [&](fb::Model* m) {
    Forged::set<uint32_t>(Forged::table(m->slots()->Get(0)), fb::Slot::VT_HEAD_DIM, 1u << 31);
  });
  expect_forged(Code::unsupported, "state of kind 'vk'",
                [&](fb::Model* m) { Forged::set_text(m->slots()->Get(0)->kind(), "vk"); });
}

TEST(HostileModelFile, HeadersThatLie) {
  const auto set32 = [](fb::Model* m, flatbuffers::voffset_t field, uint32_t value) {
    Forged::set<uint32_t>(Forged::table(m), field, value);
  };
  expect_forged(Code::unsupported, "needs runtime 9.8.7",
                [&](fb::Model* m) { set32(m, fb::Model::VT_MINIMUM_RUNTIME, rnl::pack_version(9, 8, 7)); });
  expect_forged(Code::unsupported, "op set 1000", [&](fb::Model* m) { set32(m, fb::Model::VT_OP_SET, 1000); });
  expect_forged(Code::corrupt_file, "vocabulary of 0", [&](fb::Model* m) { set32(m, fb::Model::VT_VOCAB_SIZE, 0); });
  expect_forged(Code::corrupt_file, "a vocabulary of 97",
                [&](fb::Model* m) { set32(m, fb::Model::VT_VOCAB_SIZE, 97); });
  expect_forged(Code::corrupt_file, "end id -1", [&](fb::Model* m) { Forged::set_item<int32_t>(m->end_ids(), 0, -1); });
  expect_forged(Code::corrupt_file, "end id 96", [&](fb::Model* m) { Forged::set_item<int32_t>(m->end_ids(), 1, 96); });
  expect_forged(Code::corrupt_file, "chunks of 3 bytes", [&](fb::Model* m) { set32(m, fb::Model::VT_CHUNK_BYTES, 3); });
  expect_forged(Code::corrupt_file, "chunk hashes for",
                [&](fb::Model* m) { set32(m, fb::Model::VT_CHUNK_BYTES, 65536); });
  expect_forged(Code::corrupt_file, "the prelude says",
                [&](fb::Model* m) { Forged::set<uint64_t>(Forged::table(m), fb::Model::VT_DATA_BYTES, UINT64_MAX); });
  expect_forged(Code::corrupt_file, "shard", [&](fb::Model* m) {
    Forged::set<uint64_t>(Forged::table(m->shards()->Get(0)), fb::Shard::VT_DATA_BYTES, 64);
  });
  expect_forged(Code::corrupt_file, "list of chunk hashes",
                [&](fb::Model* m) { const_cast<uint8_t*>(m->chunks()->Get(0)->bytes()->Data())[0] ^= 1; });
  const auto section = [](fb::Model* m) { return Forged::table(m->sections()->Get(0)); };
  expect_forged(Code::corrupt_file, "section tokenizer",
                [&](fb::Model* m) { Forged::set<uint64_t>(section(m), fb::Section::VT_BYTES, UINT64_MAX); });
  expect_forged(Code::corrupt_file, "section tokenizer",
                [&](fb::Model* m) { Forged::set<uint64_t>(section(m), fb::Section::VT_OFFSET, 3); });
  expect_forged(Code::corrupt_file, "before the end of what lies before",
                [&](fb::Model* m) {  // a section over a tensor
                  Forged::set<uint64_t>(section(m), fb::Section::VT_BYTES, m->tensors()->Get(0)->offset() + 1);
                });
}

// Counts and offsets at random, behind right hashes: whatever happens, it is a Status.
TEST(HostileModelFile, RandomWordsInTheHeader) {
  const std::vector<uint8_t> bytes = small_bytes();
  uint64_t header_bytes;
  std::memcpy(&header_bytes, bytes.data() + 16, sizeof header_bytes);
  uint64_t state = 12345;
  size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const size_t at = rnl::kPreludeBytes + (state >> 33) % (header_bytes / 4) * 4;
    constexpr uint32_t kWords[] = {0, 1, 4, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 65536, 100};
    AlignedBytes memory = test::aligned({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(data_offset(bytes))});
    std::memcpy(memory.data() + at, &kWords[(state >> 20) % 9], 4);
    rnl::Prelude prelude;
    ASSERT_TRUE(rnl::decode_prelude({bytes.data(), rnl::kPreludeBytes}, bytes.size(), &prelude).ok());
    Array<uint8_t> header;
    ASSERT_TRUE(header.append({memory.data() + rnl::kPreludeBytes, static_cast<size_t>(header_bytes)}));
    const fb::Model* model = nullptr;
    Graph graph;
    refused += !rnl::read_header(header, prelude, &model, &graph).ok();
  }
  EXPECT_GT(refused, 5000u);
}

}  // namespace
}  // namespace runnel
