// Conversion of a GGUF file or a Hugging Face folder to a model file. Streams: holds one slab of one tensor at a time.
//
// Thread rule: one conversion a call; several may run at once. No exception leaves.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/parallel_for.h"
#include "runnel/status.h"

namespace runnel {

enum class WeightsOut : uint8_t { automatic, f32, f16, q8, q4, keep };

struct ConvertOptions {
  std::string input, output;
  WeightsOut weights =
      WeightsOut::automatic;  // keep for a quantised source, q4 (embedding and output q8) for a float one
  uint64_t shard_bytes = 0;   // 0: one file
  // Most anonymous memory that this process takes while it converts; 0: no limit, which is some tens of MB. What
  // metadata and tokenizer took is counted before the first weight is read, the weights' buffers are cut to the rest.
  // Status: over_budget, with the numbers, nothing written.
  uint64_t budget_bytes = 0;
  bool no_template = false;                   // leave the chat template out (else one that fails is an error)
  std::string name;                           // empty: taken from the source
  std::string signing_key;                    // file of an Ed25519 private key in PEM; empty: not signed
  const std::atomic<bool>* cancel = nullptr;  // Ctrl-C
  ParallelFor* workers = nullptr;             // null: the calling thread
  // Called as tensors are done; may be null.
  void (*progress)(void* context, uint64_t bytes_done, uint64_t bytes_total, const char* tensor) = nullptr;
  void* progress_context = nullptr;
};

struct ConvertedTensor {
  std::string name, from, to;  // our name, source type, dtype
  uint64_t bytes_in = 0, bytes_out = 0;
  double relative_rms = 0;
};

struct ConvertReport {
  std::string architecture;
  uint64_t bytes_in = 0, bytes_out = 0;
  double bits_per_weight = 0;
  double seconds = 0;
  std::vector<ConvertedTensor> tensors;  // worst error first
  std::vector<std::string> notes;        // what was assumed or left out, one sentence each
};

Status convert(const ConvertOptions& options, ConvertReport* report) noexcept;

}  // namespace runnel
