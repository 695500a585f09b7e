// Cluster rules, on injected topologies.
#include "kernels/cpu_topology.h"

#include <gtest/gtest.h>

#include <vector>

namespace runnel {
namespace {

class FakeReader final : public CoreReader {
 public:
  // Adds `count` cores of one cluster.
  FakeReader& cluster(uint32_t count, double ghz, bool efficiency, uint32_t l2_kib) {
    for (uint32_t i = 0; i < count; ++i)
      cores_.push_back({clusters_, uint64_t(ghz * 1e9), efficiency, true, 64 * 1024, l2_kib * 1024, 0});
    ++clusters_;
    return *this;
  }
  FakeReader& forbid(uint32_t index) {
    cores_[index].usable = false;
    return *this;
  }
  uint32_t core_count() const noexcept override { return uint32_t(cores_.size()); }
  CoreFacts core(uint32_t index) const noexcept override { return cores_[index]; }

 private:
  std::vector<CoreFacts> cores_;
  uint32_t clusters_ = 0;
};

TEST(CpuTopology, PrimeBigLittlePhoneUsesPrimeAndBig) {
  const CpuTopology t =
      read_topology(FakeReader().cluster(4, 1.8, true, 128).cluster(3, 2.42, false, 256).cluster(1, 2.84, false, 512));
  EXPECT_EQ(t.cores, 8u);
  EXPECT_EQ(t.performance_cores, 4u);
  EXPECT_EQ(t.cluster_count, 3u);
  EXPECT_FALSE(t.clusters[0].performance);
  EXPECT_TRUE(t.clusters[1].performance);
  EXPECT_EQ(t.l2_bytes, 256u * 1024);  // the smallest performance core's, not the little ones'
  EXPECT_EQ(recommended_threads(t), 4u);
}

TEST(CpuTopology, AllLittleCoresAreThePerformanceCluster) {
  const CpuTopology t = read_topology(FakeReader().cluster(4, 1.4, true, 128));
  EXPECT_EQ(t.performance_cores, 4u);
  EXPECT_EQ(recommended_threads(t), 3u);  // never all cores of a device with more than two
}

TEST(CpuTopology, UnknownDesignIsJudgedByItsClock) {
  const CpuTopology t = read_topology(FakeReader().cluster(2, 3.0, false, 1024).cluster(6, 1.7, false, 512));
  EXPECT_EQ(t.performance_cores, 2u);
  EXPECT_EQ(recommended_threads(t), 2u);
}

TEST(CpuTopology, EqualClocksAreToldApartByDesign) {
  const CpuTopology t = read_topology(FakeReader().cluster(2, 2.05, false, 256).cluster(6, 2.0, true, 64));
  EXPECT_EQ(t.performance_cores, 2u);
}

TEST(CpuTopology, SmallAndUnknownMachines) {
  EXPECT_EQ(recommended_threads(read_topology(FakeReader().cluster(1, 0, false, 0))), 1u);
  EXPECT_EQ(recommended_threads(read_topology(FakeReader().cluster(2, 0, false, 0))), 2u);
  EXPECT_EQ(recommended_threads(read_topology(FakeReader().cluster(16, 0, false, 0))), 15u);
  const CpuTopology none = read_topology(FakeReader());
  EXPECT_EQ(none.cores, 1u);
  EXPECT_EQ(none.l2_bytes, 256u * 1024);
  EXPECT_EQ(recommended_threads(none), 1u);
}

TEST(CpuTopology, CoresOutsideTheAffinityMaskDoNotCount) {
  const CpuTopology t =
      read_topology(FakeReader().cluster(2, 2.0, false, 256).cluster(2, 1.0, true, 64).forbid(0).forbid(1));
  EXPECT_EQ(t.cores, 2u);
  EXPECT_EQ(recommended_threads(t), 2u);
}

TEST(CpuTopology, MoreClustersThanTheTableHolds) {
  FakeReader reader;
  for (int i = 0; i < 12; ++i) reader.cluster(1, 2.0, false, 256);
  const CpuTopology t = read_topology(reader);
  EXPECT_EQ(t.cores, 12u);
  EXPECT_EQ(t.cluster_count, kMaxClusters);
}

TEST(CpuTopology, ThisMachineHasACore) {
  EXPECT_GE(cpu_topology().cores, 1u);
  EXPECT_GE(recommended_threads(), 1u);
}

}  // namespace
}  // namespace runnel
