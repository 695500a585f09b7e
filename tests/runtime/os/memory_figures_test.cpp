#include "runtime/os/memory_figures.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "kernels/base/clock.h"

namespace runnel {
namespace {

class FakeRoot : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(testing::TempDir()) /
            (std::string("runnel_root_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
    put("/proc/meminfo", "MemTotal:       8000000 kB\nMemFree: 1 kB\nMemAvailable:    6000000 kB\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path full = root_.string() + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  MachineMemory memory() { return machine_memory(root_.c_str()); }
  std::filesystem::path root_;
};

TEST_F(FakeRoot, WithoutGroups) {
  EXPECT_EQ(memory().total_bytes, 8000000u * 1024ull);
  EXPECT_EQ(memory().available_bytes, 6000000u * 1024ull);
}

TEST_F(FakeRoot, Version2LimitOfAParentCounts) {
  put("/proc/self/cgroup", "0::/app/worker\n");
  put("/sys/fs/cgroup/app/worker/memory.max", "max\n");
  put("/sys/fs/cgroup/app/memory.max", "1000000000\n");
  put("/sys/fs/cgroup/app/memory.current", "700000000\n");
  put("/sys/fs/cgroup/app/memory.stat", "anon 400000000\ninactive_file 200000000\nactive_file 100000000\n");
  EXPECT_EQ(memory().total_bytes, 1000000000u);
  EXPECT_EQ(memory().available_bytes, 600000000u);  // the cache of files can be dropped
}

TEST_F(FakeRoot, Version1Limit) {
  put("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n");
  put("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "500000000\n");
  put("/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "600000000\n");
  EXPECT_EQ(memory().total_bytes, 500000000u);
  EXPECT_EQ(memory().available_bytes, 0u);
}

TEST_F(FakeRoot, Version1NoLimitIsAHugeNumber) {
  put("/proc/self/cgroup", "4:memory:/\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "600000000\n");
  EXPECT_EQ(memory().total_bytes, 8000000u * 1024ull);
  EXPECT_EQ(memory().available_bytes, 6000000u * 1024ull);
}

TEST_F(FakeRoot, NonsenseIsIgnored) {
  put("/proc/self/cgroup", "\n:::\n0::" + std::string(5000, 'x') + "\n4:memory\n");
  put("/proc/self/status", "VmRSS:\t99999999999999999999999 kB\nVmHWM: x\n");
  EXPECT_EQ(memory().available_bytes, 6000000u * 1024ull);
  EXPECT_EQ(process_memory(root_.c_str()).rss_bytes, 0u);
}

TEST(ProcessMemory, SeesWhatTheProcessTouches) {
  const ProcessMemory before = process_memory();
  ASSERT_GT(before.rss_bytes, 0u);
  EXPECT_GE(before.peak_rss_bytes, before.anonymous_bytes);
  std::vector<char> block(64 << 20);
  std::memset(block.data(), 1, block.size());
  const ProcessMemory after = process_memory();
  EXPECT_GE(after.anonymous_bytes, before.anonymous_bytes + (60u << 20));
  EXPECT_EQ(block[12345], 1);
}

TEST(Clock, GoesForward) {
  const uint64_t first = now_ns();
  EXPECT_GE(now_ns(), first);
}

}  // namespace
}  // namespace runnel
