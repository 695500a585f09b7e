#include "runtime/weights/resident_weights.h"

#include <algorithm>

#include "runtime/os/locked_pages.h"

namespace runnel {
namespace {

constexpr uint64_t kRequestBytes = 8 << 20;

}  // namespace

uint64_t ResidentWeights::private_bytes(const ModelFile& file) noexcept {
  return DataReader::area_bytes(file.data_bytes());
}

Result<ResidentWeights> ResidentWeights::load(const ModelFile& file) noexcept {
  RUNNEL_ASSIGN(const DataReader reader, DataReader::open(file));
  ResidentWeights weights;
  if (!weights.pages_.take(private_bytes(file))) return out_of_memory("weights", "the resident copy");
  prefer_huge_pages(weights.pages_.data(), weights.pages_.bytes());
  const uint64_t total = file.data_bytes();
  for (uint64_t at = 0; at < total; at += kRequestBytes) {
    // Requests begin at multiples of the alignment apart, so each finds its area where the one before ended; the rest
    // of that one's last piece is overwritten by the same bytes.
    RUNNEL_TRY(reader.read_block(at, std::min(kRequestBytes, total - at),
                                 weights.pages_.data() + at + reader.shift(0) - reader.shift(at)));
  }
  weights.data_ = weights.pages_.data() + reader.shift(0);
  weights.locked_ = lock_pages(weights.pages_.data(), weights.pages_.bytes());
  weights.direct_ = reader.direct();
  return weights;
}

}  // namespace runnel
