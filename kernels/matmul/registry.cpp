// The table of matmul rows, the choice among them, and the loop that runs any number of rows with a choice.
#include "kernels/matmul/registry.h"

#include <iterator>

namespace runnel {
namespace {

// Weights of one pass over all rows stay in a core's second-level cache: half of the smallest in use (256 KiB).
constexpr uint64_t kPassBytes = 128 * 1024;

#define RUNNEL_STRING_(x) #x
#define RUNNEL_STRING(x) RUNNEL_STRING_(x)
constexpr MatmulKernel kKernels[] = {
#define MATMUL_KERNEL(isa, dst, lhs, rhs, mr, nr, kr)                            \
  RUNNEL_ONLY_##isa({RUNNEL_STRING(MATMUL_NAME(isa, dst, lhs, rhs, mr, nr, kr)), \
                     &MATMUL_NAME(isa, dst, lhs, rhs, mr, nr, kr), Isa::isa, LhsType::lhs, DType::rhs, mr, nr, kr}, )
#include "kernels/matmul/matmul.inc"
#undef MATMUL_KERNEL
    {}};  // an architecture without a row still has an array

const MatmulKernel* first_fit(LhsType lhs, DType rhs, Isa isa, bool tall) noexcept {
  const DTypeInfo& type = dtype_info(rhs);
  for (const MatmulKernel& kernel : matmul_kernels()) {
    if (kernel.lhs == lhs && kernel.rhs == rhs && (kernel.mr > 1) == tall && covers(isa, kernel.isa) &&
        kernel.nr == type.nr && kernel.kr == type.kr) {
      return &kernel;
    }
  }
  return nullptr;
}

MatmulChoice choose_for_lhs(LhsType lhs, DType rhs, Isa isa) noexcept {
  MatmulChoice choice;
  choice.lhs = lhs;
  choice.single = first_fit(lhs, rhs, isa, false);
  choice.tall = first_fit(lhs, rhs, isa, true);
  if (choice.tall == nullptr) choice.tall = choice.single;
  if (choice.single == nullptr) choice.single = choice.tall;
  return choice;
}

// All rows of m against one run of columns.
void run_rows(const MatmulChoice& choice, const MatmulArgs& args) noexcept {
  MatmulArgs part = args;
  for (uint32_t done = 0; done < args.m;) {
    const uint32_t left = args.m - done;
    // One row that is left over of tiles is not where `single` looks for it.
    const bool single = left == 1 && (done == 0 || choice.tall->order() == LhsOrder::rows);
    const MatmulKernel& kernel = single ? *choice.single : *choice.tall;
    part.m = left < kernel.mr ? left : kernel.mr;
    part.lhs = static_cast<const uint8_t*>(args.lhs) + done * args.lhs_stride;
    part.dst = reinterpret_cast<float*>(reinterpret_cast<uint8_t*>(args.dst) + done * args.dst_stride);
    kernel.run(part);
    done += part.m;
  }
}

}  // namespace

std::span<const MatmulKernel> matmul_kernels() noexcept { return {kKernels, std::size(kKernels) - 1}; }

MatmulChoice choose_matmul(DType rhs, Isa isa, LhsType coarsest) noexcept {
  bool allowed = false;
  for (const LhsType lhs : {LhsType::q8g32, LhsType::q16g32}) {
    allowed = allowed || lhs == coarsest;
    if (!allowed) continue;
    const MatmulChoice choice = choose_for_lhs(lhs, rhs, isa);
    if (choice.single != nullptr) return choice;
  }
  return choose_for_lhs(LhsType::f32, rhs, isa);
}

void run_matmul(const MatmulChoice& choice, DType rhs, const MatmulArgs& args) noexcept {
  if (choice.single == nullptr) return matmul_generic(rhs, args);
  if (args.m <= choice.tall->mr) return run_rows(choice, args);
  // Many rows: as many panels at a time as fit the cache, two at least, so that every tile of rows finds them there.
  const DTypeInfo& type = dtype_info(rhs);
  const uint64_t panel_bytes = uint64_t{type.nr} * args.blocks * type.block_bytes;
  const uint64_t fitting = panel_bytes >= kPassBytes ? 0 : kPassBytes / panel_bytes;
  const uint64_t pass_panels = fitting < 2 ? 2 : fitting & ~uint64_t{1};  // tall tiles may take two at a time
  const uint64_t pass_columns = pass_panels * type.nr;
  MatmulArgs pass = args;
  for (uint64_t column = 0; column < args.n; column += pass_columns) {
    pass.rhs = static_cast<const uint8_t*>(args.rhs) + column / type.nr * panel_bytes;
    pass.dst = args.dst + column;
    pass.n = static_cast<uint32_t>(args.n - column < pass_columns ? args.n - column : pass_columns);
    run_rows(choice, pass);
  }
}

}  // namespace runnel
