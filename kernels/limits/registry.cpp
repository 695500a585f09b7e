#include "kernels/limits/peak.h"

namespace runnel {

#define PEAK_LOOPS(isa) RUNNEL_ONLY_##isa(extern const PeakLoops peak_##isa;)
#include "kernels/limits/peak.inc"
#undef PEAK_LOOPS

namespace {

const PeakLoops* const kRows[] = {
#define PEAK_LOOPS(isa) RUNNEL_ONLY_##isa(&peak_##isa, )
#include "kernels/limits/peak.inc"
#undef PEAK_LOOPS
};
constexpr uint32_t kRowCount = sizeof(kRows) / sizeof(kRows[0]);

}  // namespace

const PeakLoops& peak_loops(Isa isa) noexcept {
  uint32_t row = 0;
  while (row + 1 < kRowCount && !covers(isa, kRows[row]->isa)) ++row;
  return *kRows[row];
}

const PeakLoops* peak_loops_row(uint32_t index) noexcept { return index < kRowCount ? kRows[index] : nullptr; }

}  // namespace runnel
