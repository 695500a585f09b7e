// kill -9 while a session saves again and again: whatever the moment, the file is a whole snapshot, the last that was
// reported or the one after it.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "tests/support/instrumented.h"
#include "tests/support/small_model.h"
#include "tests/support/snapshot_model.h"

namespace runnel {
namespace {

// What the session holds at save number `k`: the text grows, is edited in the middle, and begins anew now and then.
std::vector<int32_t> state(uint32_t k) {
  std::vector<int32_t> ids = test::ids_of(40 + k % 7 * 50, k / 7 + 1);
  if (k % 7 == 5) ids = test::ids_of(200, k / 7 + 1000);
  return ids;
}

// The child: saves until it is killed, and reports each save once it is done.
[[noreturn]] void save_forever(Session& session, const std::string& path, uint32_t k, int report) {
  for (;; ++k) {
    if (!session.replace(state(k)).ok() || !session.save(path.c_str()).ok()) _exit(1);
    if (write(report, &k, sizeof k) != sizeof k) _exit(2);
  }
}

TEST(SnapshotKill, LeavesAWholeSnapshot) {
  const test::TempFolder folder;
  const std::string path = (folder / "session.rns").string();
  const Model model = test::open_snapshot_model({.sessions = 2, .threads = 1});  // no thread: the child is a fork
  Session writer = test::open_session(model);
  std::mt19937 random(20261121);
  uint32_t next = 0, whole = 0, after = 0, anew = 0;
  bool exists = false;
  const uint32_t rounds = static_cast<uint32_t>(test::effort(200));
  for (uint32_t round = 0; round < rounds; ++round) {
    if (round % 10 == 9) {  // the first save of a file is killed too
      unlink(path.c_str());
      exists = false;
      ++anew;
    }
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) save_forever(writer, path, next, ends[1]);
    close(ends[1]);
    // Not before the child saves, then at any moment of some saves.
    uint32_t last = 0;
    bool any = false;
    if (round % 3 != 0) any = read(ends[0], &last, sizeof last) == sizeof last;
    usleep(random() % 8000);
    kill(child, SIGKILL);
    while (read(ends[0], &last, sizeof last) == sizeof last) any = true;
    close(ends[0]);
    int ended = 0;
    ASSERT_EQ(waitpid(child, &ended, 0), child);
    ASSERT_TRUE(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL) << "the child failed by itself: " << ended;

    Session reader = test::open_session(model);
    const Status status = reader.restore(path.c_str());
    if (!exists && !any && status.code() == Code::io) continue;  // killed before the first save gave it its name
    ASSERT_TRUE(status.ok()) << "round " << round << ": " << status.message();
    exists = true;
    ++whole;
    // Which save it is: one of those between what was reported last (in this or an earlier round) and the one after it.
    const std::vector<int32_t> found = test::tokens_of(reader);
    const uint32_t least = any ? last : next == 0 ? 0 : next - 1;
    uint32_t k = least;
    while (k <= least + 1 && state(k) != found) ++k;
    ASSERT_LE(k, least + 1) << "round " << round << ": " << found.size() << " tokens are of no save that could be";
    after += k != least;
    EXPECT_EQ(test::next_ids(reader, 4).size(), 4u);
    next = k + 1;
  }
  EXPECT_GT(whole, rounds / 2);
  std::printf("%u kills, %u files anew: %u whole snapshots, %u of them newer than what was reported\n", rounds, anew,
              whole, after);
}

}  // namespace
}  // namespace runnel
