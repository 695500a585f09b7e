// Hostile bytes as a session's snapshot. The first byte chooses:
//   even: the rest is the file;
//   odd: the rest is two roots of 512 bytes and what follows them; model and settings are made those of the session,
//   and
//        every hash is made right where what it covers is there, since no fuzzer finds a SHA-256: so the checks behind
//        the hashes are reached.
// What is refused leaves the session as it was; what is accepted can be continued, saved again and restored.
//
// Seeds: snapshot_seeds.cpp.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/session/session_state.h"
#include "tests/support/tiny_model_file.h"

namespace {

using namespace runnel;

const std::vector<int32_t> kHeld = {5, 6, 7};

template <class T>
T get(const uint8_t* in) {
  T value;
  std::memcpy(&value, in, sizeof value);
  return value;
}

void hash_to(std::span<const uint8_t> bytes, uint8_t* out) {
  Digest hash;
  if (sha256(bytes, &hash)) std::memcpy(out, hash.bytes, sizeof hash.bytes);
}

// Fields as in docs/snapshot_format.md.
void mend(std::vector<uint8_t>& file, const SnapshotKey& key) {
  SnapshotRoot here;
  here.key = key;
  uint8_t own[kSnapshotRootBytes];
  if (!encode_root(here, own)) return;
  const auto part = [&](uint64_t offset, uint64_t bytes) -> std::span<uint8_t> {
    if (offset > file.size() || bytes > file.size() - offset) return {};
    return {file.data() + offset, static_cast<size_t>(bytes)};
  };
  for (const size_t slot : {size_t{0}, static_cast<size_t>(kSnapshotSlotBytes)}) {
    uint8_t* root = file.data() + slot;
    std::memcpy(root, own, 16);             // magic, version, size
    std::memcpy(root + 32, own + 32, 120);  // what it must match
    const std::span<uint8_t> table = part(get<uint64_t>(root + 240), get<uint64_t>(root + 248));
    for (size_t at = 0; at + sizeof(SnapshotPage) <= table.size(); at += sizeof(SnapshotPage)) {
      const std::span<uint8_t> page = part(get<uint64_t>(table.data() + at), key.groups[0].page_bytes);
      if (!page.empty()) hash_to(page, table.data() + at + 8);
    }
    for (const size_t extent : {192u, 240u, 288u}) {
      hash_to(part(get<uint64_t>(root + extent), get<uint64_t>(root + extent + 8)), root + extent + 16);
    }
    hash_to({root, kSnapshotRootBytes - sizeof(Digest)}, root + kSnapshotRootBytes - sizeof(Digest));
  }
}

void require(bool holds) {
  if (!holds) std::abort();
}

void use(Session& session, std::span<const uint8_t> bytes) {
  const int fd = ::memfd_create("snapshot", MFD_CLOEXEC);
  if (fd < 0) return;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) {
    const Status status = session.restore(path.c_str());
    if (!status.ok()) {
      require(status.message()[0] != '\0');
      require(std::ranges::equal(session.tokens(), kHeld));
    } else {
      for (const int32_t id : session.tokens()) require(id >= 0 && id < 320);
      (void)session.next({.temperature = 1});  // keys and values of any bits may have no likeliest token
      const std::vector<int32_t> tokens(session.tokens().begin(), session.tokens().end());
      require(session.save(path.c_str()).ok());
      require(session.restore(path.c_str()).ok());
      require(std::ranges::equal(session.tokens(), tokens));
    }
  }
  ::close(fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Model model = [] {
    return *Model::open(test::tiny_model_path().c_str(), {.threads = 1, .verify = Verify::off});
  }();
  static Session session = *Session::create(model);
  require(session.replace(kHeld).ok());
  if (size == 0) return 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    use(session, rest);
    return 0;
  }
  std::vector<uint8_t> file(static_cast<size_t>(kSnapshotDataBegin));
  for (size_t i = 0; i < std::min<size_t>(rest.size(), 2 * kSnapshotRootBytes); ++i) {
    file[i / kSnapshotRootBytes * static_cast<size_t>(kSnapshotSlotBytes) + i % kSnapshotRootBytes] = rest[i];
  }
  if (rest.size() > 2 * kSnapshotRootBytes) {
    const auto parts = rest.subspan(2 * kSnapshotRootBytes);
    file.insert(file.end(), parts.begin(), parts.end());
  }
  mend(file, session_state(session).shared().snapshot_key());
  use(session, file);
  return 0;
}
