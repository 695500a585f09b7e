// The energy of packages and memory, each counted once, over counters that go round.
#include "runtime/os/energy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/tiny_models.h"

namespace runnel {
namespace {

struct Machine {
  test::TempFolder folder;
  std::string root = folder.path().string();

  void set(const std::string& zone, const std::string& name, uint64_t energy_uj) {
    const std::filesystem::path path = folder.path() / "sys/class/powercap" / zone;
    std::filesystem::create_directories(path);
    std::ofstream(path / "name") << name << '\n';
    std::ofstream(path / "max_energy_range_uj") << 10'000'000 << '\n';
    std::ofstream(path / "energy_uj") << energy_uj << '\n';
  }
};

TEST(EnergyMeter, CountsPackagesAndMemoryOnce) {
  Machine machine;
  const std::pair<const char*, const char*> zones[] = {
      {"intel-rapl:0", "package-0"}, {"intel-rapl:0:0", "core"}, {"intel-rapl:0:1", "dram"},
      {"intel-rapl:1", "package-1"}, {"intel-rapl:2", "psys"},   {"intel-rapl-mmio:0", "package-0"}};
  for (const auto& [zone, name] : zones) machine.set(zone, name, 1'000'000);
  EnergyMeter meter(machine.root.c_str());
  ASSERT_TRUE(meter.available());
  EXPECT_EQ(meter.joules(), 0);
  for (const auto& [zone, name] : zones) machine.set(zone, name, 3'500'000);
  EXPECT_DOUBLE_EQ(meter.joules(), 3 * 2.5);
  meter.start();
  EXPECT_EQ(meter.joules(), 0);
}

TEST(EnergyMeter, FollowsACounterThatGoesRound) {
  Machine machine;
  machine.set("intel-rapl:0", "package-0", 9'000'000);
  EnergyMeter meter(machine.root.c_str());
  machine.set("intel-rapl:0", "package-0", 500'000);
  EXPECT_DOUBLE_EQ(meter.joules(), 1.5);
}

TEST(EnergyMeter, SaysWhenTheSystemDoesNotTell) {
  Machine machine;
  EXPECT_FALSE(EnergyMeter(machine.root.c_str()).available());
  machine.set("intel-rapl:0", "package-0", 1);
  std::filesystem::remove(machine.folder.path() / "sys/class/powercap/intel-rapl:0/energy_uj");
  EnergyMeter meter(machine.root.c_str());
  EXPECT_FALSE(meter.available());
  EXPECT_EQ(meter.joules(), 0);
}

}  // namespace
}  // namespace runnel
