// The model file reader on hostile bytes. The first byte chooses:
//   even: the rest is a whole file;
//   odd: the rest is a header, and the prelude around it is made right (sizes, hashes), since no fuzzer finds a
//   SHA-256:
//        so the checks behind the hashes are reached.
//
// Seeds: model_file_seeds.cpp.
#include <cstdlib>
#include <cstring>

#include "graph/file/format.h"
#include "graph/file/model_file.h"
#include "graph/file/model_generated.h"
#include "graph/file/print.h"
#include "kernels/base/memory.h"

namespace {

using namespace runnel;

constexpr uint64_t kMostDataBytes = 1 << 20;

void use(std::span<const uint8_t> bytes) {
  const auto file = ModelFile::open_memory(bytes, {Verify::off, {}});
  if (!file.ok()) {
    if (file.status().message()[0] == '\0') std::abort();
    return;
  }
  Array<char> text;
  (void)print_summary(*file, &text);
  (void)print_tensors(*file, &text);
  (void)print_graph(*file, &text);
  (void)print_dot(*file, &text);
  uint32_t sum = 0;
  for (uint32_t i = 0; i < file->graph().tensors.size(); ++i) {
    (void)file->touch_tensor(i);
    const uint8_t* data = file->tensor_data(i);
    sum += data[0] + data[file->graph().tensors[i].bytes - 1];
  }
  const auto section = file->section("tokenizer");
  if (section.ok() && !section->empty()) sum += section->front() + section->back();
  (void)file->verify_all(nullptr, nullptr);
  static volatile uint32_t sink;  // so that no read is dropped
  sink = sum;
  (void)sink;
}

// A file around `header` whose hashes are right.
void use_header(std::span<const uint8_t> header) {
  rnl::Prelude prelude;
  prelude.header_bytes = header.size();
  prelude.data_offset = (rnl::kPreludeBytes + header.size() + 16383) / 16384 * 16384;
  Array<uint8_t> aligned;
  if (header.empty() || !aligned.append(header)) return;
  flatbuffers::Verifier verifier(aligned.data(), aligned.size(), 8, 1 << 20);
  if (fb::VerifyModelBuffer(verifier)) {
    const fb::Model& model = *fb::GetModel(aligned.data());
    prelude.total_data_bytes = model.data_bytes() % (kMostDataBytes + 1);
    if (model.shards()->size() > 0) {
      const uint64_t offset = model.shards()->Get(0)->data_offset();
      if (offset % 16384 == 0 && offset > header.size() + rnl::kPreludeBytes && offset <= kMostDataBytes) {
        prelude.data_offset = offset;
      }
    }
    const auto* list = reinterpret_cast<const uint8_t*>(model.chunks()->Data());
    if (!sha256({list, model.chunks()->size() * size_t{32}}, &prelude.chunks_hash)) return;
  }
  prelude.data_bytes = prelude.total_data_bytes;
  if (!sha256(header, &prelude.header_hash)) return;
  const auto bytes = static_cast<size_t>(prelude.data_offset + prelude.data_bytes);
  auto* memory = static_cast<uint8_t*>(allocate(bytes));
  if (memory == nullptr) return;
  std::memset(memory, 0, bytes);
  std::memcpy(memory + rnl::kPreludeBytes, header.data(), header.size());
  if (rnl::encode_prelude(prelude, memory)) use({memory, bytes});
  release(memory);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  if (data[0] % 2 != 0) {
    use_header(rest);
    return 0;
  }
  auto* memory = static_cast<uint8_t*>(runnel::allocate(rest.size()));
  if (memory == nullptr) return 0;
  if (!rest.empty()) std::memcpy(memory, rest.data(), rest.size());
  use({memory, rest.size()});
  runnel::release(memory);
  return 0;
}
