// snapshot_seeds FOLDER: writes the seeds of fuzz_snapshot.cpp. Run by hand, into corpus/snapshot, when the format
// changes.
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "runtime/snapshot/root.h"
#include "tests/support/small_model.h"
#include "tests/support/snapshot_model.h"

namespace {

using namespace runnel;

void check(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

// The byte in front is the target's mode; in the odd one what lies between the roots is left out.
void write_seed(const std::filesystem::path& path, const std::vector<uint8_t>& file, bool is_mended) {
  std::vector<uint8_t> seed = {static_cast<uint8_t>(is_mended)};
  const auto add = [&](uint64_t from, uint64_t to) {
    seed.insert(seed.end(), file.begin() + static_cast<ptrdiff_t>(from), file.begin() + static_cast<ptrdiff_t>(to));
  };
  if (is_mended) {
    add(0, kSnapshotRootBytes);
    add(kSnapshotSlotBytes, kSnapshotSlotBytes + kSnapshotRootBytes);
    add(kSnapshotDataBegin, file.size());
  } else {
    add(0, file.size());
  }
  test::write_file(path, seed);
}

void write_seeds(const std::filesystem::path& folder) {
  const test::TempFolder temp;
  const std::filesystem::path path = temp / "s.rns";
  auto model = Model::open(test::tiny_model_path().c_str(), {.threads = 1});
  check(model.status());
  auto session = Session::create(*model);
  check(session.status());
  check(session->save(path.c_str()));
  write_seed(folder / "empty", test::read_file(path), false);
  check(session->append(test::ids_of(5)));
  check(session->save(path.c_str()));
  write_seed(folder / "page", test::read_file(path), true);
  check(session->append(test::ids_of(30, 2)));  // two pages, and a token that waits
  check(session->generate({.max_tokens = 1}).status());
  check(session->save(path.c_str()));
  write_seed(folder / "pages", test::read_file(path), true);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 2;
  try {
    write_seeds(argv[1]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s: %s\n", argv[0], error.what()), 1;
  }
}
