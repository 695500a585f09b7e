// Names of instruction sets, and how the choice among them is lowered.
#include "kernels/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace runnel {
namespace {

TEST(Isa, NamesAreReadBack) {
  for (const char* name : {"scalar", "neon", "neon_dotprod", "neon_i8mm", "avx2", "avxvnni", "avx512vnni"}) {
    Isa isa;
    ASSERT_TRUE(parse_isa(name, &isa)) << name;
    EXPECT_STREQ(isa_name(isa), name);
  }
  Isa isa;
  EXPECT_FALSE(parse_isa("sse2", &isa));
  EXPECT_FALSE(parse_isa("", &isa));
  EXPECT_STREQ(isa_name(Isa::avxvnni | Isa::avx512vnni), "avx512vnni");
}

class IsaChoice : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* value = getenv("RUNNEL_ISA")) saved_ = value;
  }
  void TearDown() override {
    set_isa_limit(cpu_isa());
    if (saved_.empty()) {
      unsetenv("RUNNEL_ISA");
    } else {
      setenv("RUNNEL_ISA", saved_.c_str(), 1);
    }
  }
  std::string saved_;
};

TEST_F(IsaChoice, EnvironmentLowersAndNeverRaises) {
  for (const char* name : {"scalar", "neon", "neon_dotprod", "neon_i8mm", "avx2", "avxvnni", "avx512vnni"}) {
    setenv("RUNNEL_ISA", name, 1);
    Isa named;
    ASSERT_TRUE(parse_isa(name, &named));
    EXPECT_EQ(active_isa(), cpu_isa() & named) << name;
    EXPECT_EQ(unknown_isa_request(), nullptr);
  }
}

TEST_F(IsaChoice, UnknownNameIsPassedOverAndToldWhenAsked) {
  setenv("RUNNEL_ISA", "pentium", 1);
  EXPECT_EQ(active_isa(), cpu_isa());
  EXPECT_STREQ(unknown_isa_request(), "pentium");
  setenv("RUNNEL_ISA", "", 1);
  EXPECT_EQ(unknown_isa_request(), nullptr);
}

TEST_F(IsaChoice, LimitLowersAndRefusesWhatTheCpuLacks) {
  unsetenv("RUNNEL_ISA");
  EXPECT_TRUE(set_isa_limit(Isa::scalar));
  EXPECT_EQ(active_isa(), Isa::scalar);
  EXPECT_FALSE(set_isa_limit(Isa::neon_i8mm | Isa::avx512vnni));  // no CPU has both
  EXPECT_EQ(active_isa(), Isa::scalar);
  EXPECT_TRUE(set_isa_limit(cpu_isa()));
  EXPECT_EQ(active_isa(), cpu_isa());
}

}  // namespace
}  // namespace runnel
