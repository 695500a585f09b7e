#include "runtime/pool/worker_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "kernels/base/memory.h"

namespace runnel {
namespace {

struct Counts {
  std::vector<std::atomic<uint32_t>> of_unit;
  std::atomic<uint32_t> calls{0}, too_long{0}, bad_worker{0};
  uint32_t grain, workers;
  Counts(uint32_t units, uint32_t grain, uint32_t workers) : of_unit(units), grain(grain), workers(workers) {}
  static void add(void* context, Slice slice, uint32_t worker) noexcept {
    Counts& self = *static_cast<Counts*>(context);
    self.calls += 1;
    self.too_long += slice.end - slice.begin > self.grain || slice.end <= slice.begin;
    self.bad_worker += worker >= self.workers;
    for (uint32_t i = slice.begin; i < slice.end; ++i) self.of_unit[i] += 1;
  }
};

class WorkerPoolTest : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Threads, WorkerPoolTest, testing::Values(1, 2, 3, 4, 8));

TEST_P(WorkerPoolTest, EachUnitOnceInChunksOfTheGrain) {
  auto pool = WorkerPool::create(GetParam());
  ASSERT_TRUE(pool.ok());
  EXPECT_EQ(pool->worker_count(), GetParam());
  for (const auto& [units, grain] : std::vector<std::pair<uint32_t, uint32_t>>{
           {0, 1}, {1, 1}, {1, 7}, {7, 7}, {8, 7}, {1000, 1}, {1000, 13}, {999, 1000}, {5, 0}}) {
    Counts counts(units, std::max(grain, 1u), GetParam());
    pool->run(units, grain, Counts::add, &counts);
    EXPECT_EQ(counts.calls, units == 0 ? 0 : (units + counts.grain - 1) / counts.grain);
    EXPECT_EQ(counts.too_long, 0u);
    EXPECT_EQ(counts.bad_worker, 0u);
    for (const auto& count : counts.of_unit) EXPECT_EQ(count, 1u);
  }
}

// Jobs of changing sizes right after one another, so that workers come late to jobs that are over; a pause now and then
// lets them fall asleep.
TEST_P(WorkerPoolTest, ManyJobsInARow) {
  auto pool = WorkerPool::create(GetParam());
  ASSERT_TRUE(pool.ok());
  struct Sum {
    std::atomic<uint64_t> total{0};
    uint64_t factor = 1;
  };
  for (uint32_t job = 0; job < 20000; ++job) {
    Sum sum;
    sum.factor = job + 1;
    const uint32_t units = 1 + job % 97;
    pool->run(
        units, 1 + job % 5,
        [](void* context, Slice slice, uint32_t) noexcept {
          Sum& own = *static_cast<Sum*>(context);
          for (uint32_t i = slice.begin; i < slice.end; ++i) own.total += own.factor * (i + 1);
        },
        &sum);
    ASSERT_EQ(sum.total, uint64_t{job + 1} * units * (units + 1) / 2) << "job " << job;
    if (job % 2000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// What a chunk writes is seen by the caller without further synchronisation (the thread sanitizer judges), and what
// the caller wrote before run() is seen by the chunks.
TEST_P(WorkerPoolTest, PlainMemoryIsHandedOverAndBack) {
  auto pool = WorkerPool::create(GetParam());
  ASSERT_TRUE(pool.ok());
  std::array<uint32_t, 64> values{};
  for (uint32_t round = 0; round < 500; ++round) {
    for (auto& value : values) ++value;
    pool->run(
        values.size(), 3,
        [](void* context, Slice slice, uint32_t) noexcept {
          auto& own = *static_cast<std::array<uint32_t, 64>*>(context);
          for (uint32_t i = slice.begin; i < slice.end; ++i) own[i] *= 3;
        },
        &values);
    for (const auto value : values) ASSERT_EQ(value, values[0]);
  }
}

TEST_P(WorkerPoolTest, EffortBoundsWhoTakesPart) {
  auto pool = WorkerPool::create(GetParam());
  ASSERT_TRUE(pool.ok());
  for (const bool yielding : {true, false}) {
    for (const uint32_t threads : {1u, 2u, 3u, 100u, 0u}) {
      pool->set_effort(threads, yielding);
      const uint32_t most = threads == 0 ? GetParam() : std::min(threads, GetParam());
      for (uint32_t job = 0; job < 50; ++job) {
        Counts counts(97, 2, most);
        pool->run(97, 2, Counts::add, &counts);
        EXPECT_EQ(counts.bad_worker, 0u) << threads;
        for (const auto& count : counts.of_unit) ASSERT_EQ(count, 1u);
      }
    }
  }
}

// All workers come back: each holds its chunk until the others have one.
TEST_P(WorkerPoolTest, EffortComesBack) {
  auto pool = WorkerPool::create(GetParam());
  ASSERT_TRUE(pool.ok());
  pool->set_effort(1, true);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // asleep
  pool->set_effort(0, false);
  std::atomic<uint32_t> there{0};
  std::pair<std::atomic<uint32_t>*, uint32_t> all_there{&there, GetParam()};
  pool->run(
      GetParam(), 1,
      [](void* context, Slice, uint32_t) noexcept {
        auto& [count, all] = *static_cast<std::pair<std::atomic<uint32_t>*, uint32_t>*>(context);
        ++*count;
        while (count->load() < all) std::this_thread::yield();
      },
      &all_there);
  EXPECT_EQ(there, GetParam());
}

TEST_P(WorkerPoolTest, EffortChangesWhileJobsRun) {
  auto pool = WorkerPool::create(GetParam());
  ASSERT_TRUE(pool.ok());
  std::atomic<bool> done{false};
  std::thread other([&] {
    for (uint32_t i = 0; !done; ++i) {
      pool->set_effort(i % (GetParam() + 1), i % 3 == 0);
      if (i % 64 == 0) std::this_thread::yield();
    }
  });
  for (uint32_t job = 0; job < 3000; ++job) {
    Counts counts(1 + job % 61, 1 + job % 3, GetParam());
    pool->run(1 + job % 61, 1 + job % 3, Counts::add, &counts);
    for (const auto& count : counts.of_unit) ASSERT_EQ(count, 1u) << job;
  }
  done = true;
  other.join();
}

TEST(WorkerPool, RefusesNoneAndTooMany) {
  EXPECT_EQ(WorkerPool::create(0).status().code(), Code::invalid_argument);
  EXPECT_EQ(WorkerPool::create(WorkerPool::kMaxThreads + 1).status().code(), Code::invalid_argument);
}

TEST(WorkerPool, AllocationFailureIsAStatus) {
  for (int fail_at = 0; fail_at < 2; ++fail_at) {
    int left = fail_at;
    set_allocation_gate([](void* context, size_t) noexcept { return (*static_cast<int*>(context))-- != 0; }, &left);
    auto pool = WorkerPool::create(3);
    set_allocation_gate(nullptr, nullptr);
    EXPECT_EQ(pool.status().code(), Code::out_of_memory) << fail_at;
  }
}

}  // namespace
}  // namespace runnel
