// A weight matrix of a real shape, activations, and what their product must be.
//
// The weights are a few random panels over and over: as large as the shape, known by a few rows. For products that
// stream the weights there can be several copies, so that no cache holds them.
#pragma once

#include <string>

#include "tests/kernels/matmul/matmul_problem.h"

namespace runnel::bench {

class MatrixProblem {
 public:
  // m rows of `lhs` times the transpose of an (n, k) matrix of `type`. Requires: k, n > 0.
  MatrixProblem(const DTypeInfo& type, LhsType lhs, LhsOrder order, uint32_t m, uint32_t k, uint32_t n,
                size_t least_weight_bytes);

  // Arguments of run_matmul() on copy `copy` (any number, taken modulo the copies).
  MatmulArgs args(size_t copy);
  size_t weight_bytes() const { return shape_.bytes; }
  // What is wrong in the output of the last product; empty when nothing is. Looks at all rows of every 61st column and
  // of the last panel, each against the sum in double precision.
  std::string check() const;

 private:
  uint32_t m_, n_;
  std::mt19937 random_{1};
  test::PackedWeights pattern_;
  test::LeftSide left_;
  PackedShape shape_ = {};
  size_t copies_;
  test::AlignedBytes weights_, out_;
};

}  // namespace runnel::bench
