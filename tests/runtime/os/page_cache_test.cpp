#include "runtime/os/page_cache.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <fstream>
#include <vector>

#include "tests/support/tiny_models.h"

namespace runnel {
namespace {

TEST(PageCache, HoldsWhatWasWrittenUntilItIsDropped) {
  const test::TempFolder folder;
  const std::string path = (folder / "file").string();
  std::ofstream(path) << std::string(20 << 20, 'x');
  struct statfs system;
  ASSERT_EQ(statfs(path.c_str(), &system), 0);
  if (system.f_type == TMPFS_MAGIC) GTEST_SKIP() << "the file system lives in memory";
  EXPECT_EQ(cached_share(path.c_str()), 1);
  drop_cached_file(path.c_str());
  const double dropped = cached_share(path.c_str());
  EXPECT_LT(dropped, 0.1);
  EXPECT_GE(dropped, 0);
  std::vector<char> half(10 << 20);
  std::ifstream(path).read(half.data(), static_cast<std::streamsize>(half.size()));
  EXPECT_GE(cached_share(path.c_str()), 0.5) << "at least what was read";
}

TEST(PageCache, DoesNotTellOfWhatIsNot) {
  const test::TempFolder folder;
  EXPECT_LT(cached_share((folder / "absent").string().c_str()), 0);
  std::ofstream((folder / "empty").string()).close();
  EXPECT_LT(cached_share((folder / "empty").string().c_str()), 0);
  drop_cached_file((folder / "absent").string().c_str());
}

}  // namespace
}  // namespace runnel
