#include "runtime/weights/data_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace runnel {
namespace {

Status read_failed(int error) noexcept {
  return Status::error(Code::io, "weights: cannot read: %s", std::strerror(error));
}

Status was_cut() noexcept { return Status::error(Code::corrupt_file, "weights: the file was cut while it was read"); }

}  // namespace

Result<DataReader> DataReader::open(const ModelFile& file) noexcept {
  DataReader reader;
  reader.direct_ = true;
  for (const DataPart& place : file.parts()) {
    Part part;
    part.place = place;
    part.cached_fd = open_again(place.fd, false);
    if (part.cached_fd < 0) {
      // A sandbox may forbid to open it anew; then its own descriptor serves, hints and all.
      part.cached_fd = ::dup(place.fd);
      if (part.cached_fd < 0) return read_failed(errno);
    }
    part.direct_fd = open_again(place.fd, true);
    // Opening may succeed where reading does not.
    alignas(kDirectAlignment) uint8_t probe[kDirectAlignment];
    if (part.direct_fd >= 0 && place.bytes != 0 &&
        positioned_read(part.direct_fd, probe, sizeof probe, place.file_offset / kDirectAlignment * kDirectAlignment) <
            0) {
      ::close(part.direct_fd);
      part.direct_fd = -1;
    }
    reader.direct_ = reader.direct_ && part.direct_fd >= 0;
    if (!reader.parts_.push(part)) {
      ::close(part.cached_fd);
      if (part.direct_fd >= 0) ::close(part.direct_fd);
      return out_of_memory("weights", "the list of files");
    }
  }
  if (reader.parts_.empty()) return Status::error(Code::internal, "weights: no file to read from");
  return reader;
}

DataReader::~DataReader() {
  for (const Part& part : parts_) {
    if (part.direct_fd >= 0) ::close(part.direct_fd);
    ::close(part.cached_fd);
  }
}

const DataReader::Part& DataReader::part_of(uint64_t offset) const noexcept {
  size_t low = 0, high = parts_.size() - 1;
  while (low < high) {
    const size_t middle = low + (high - low + 1) / 2;
    if (parts_[middle].place.begin <= offset) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return parts_[low];
}

uint32_t DataReader::shift(uint64_t offset) const noexcept {
  const Part& part = part_of(offset);
  return static_cast<uint32_t>((part.place.file_offset + offset - part.place.begin) % kDirectAlignment);
}

Status DataReader::read_part(const Part& part, uint64_t offset, std::span<uint8_t> out) const noexcept {
  const uint64_t from = part.place.file_offset + offset - part.place.begin;
  for (size_t done = 0; done < out.size();) {
    const ssize_t got = positioned_read(part.cached_fd, out.data() + done, out.size() - done, from + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return read_failed(errno);
    if (got == 0) return was_cut();
    done += static_cast<size_t>(got);
  }
  return {};
}

// Requires: out.data() lies as far behind a multiple of kDirectAlignment as the offset in the file does, and the rest
// of out's last aligned piece may be written as well as what lies before its first byte.
Status DataReader::read_directly(const Part& part, uint64_t offset, std::span<uint8_t> out) const noexcept {
  const uint64_t from = part.place.file_offset + offset - part.place.begin;
  const uint64_t before = from % kDirectAlignment;
  const uint64_t begin = from - before;
  const uint64_t needed = before + out.size();
  const uint64_t whole = (needed + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
  uint8_t* to = out.data() - before;
  uint64_t done = 0;  // a multiple of the alignment
  while (done < needed) {
    const ssize_t got = positioned_read(part.direct_fd, to + done, whole - done, begin + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EINVAL) return read_failed(errno);
    const uint64_t reached = done + (got > 0 ? static_cast<uint64_t>(got) : 0);
    if (reached >= needed) return {};
    const uint64_t next = reached / kDirectAlignment * kDirectAlignment;
    if (got < 0 || next == done) {
      // Refused, or the file ends in less than a piece: the cache has no such bounds, and tells an end from an error.
      const uint64_t skip = done > before ? done - before : 0;
      return read_part(part, offset + skip, out.subspan(skip));
    }
    done = next;
  }
  return {};
}

Status DataReader::read(uint64_t offset, std::span<uint8_t> out) const noexcept {
  while (!out.empty()) {
    const Part& part = part_of(offset);
    const uint64_t left = part.place.begin + part.place.bytes - offset;
    const size_t bytes = static_cast<size_t>(std::min<uint64_t>(left, out.size()));
    if (bytes == 0) return Status::error(Code::internal, "weights: a read past the end of the data");
    RUNNEL_TRY(read_part(part, offset, out.first(bytes)));
    offset += bytes;
    out = out.subspan(bytes);
  }
  return {};
}

Status DataReader::read_block(uint64_t offset, uint64_t bytes, uint8_t* area) const noexcept {
  std::span<uint8_t> out(area + shift(offset), static_cast<size_t>(bytes));
  while (!out.empty()) {
    const Part& part = part_of(offset);
    const uint64_t left = part.place.begin + part.place.bytes - offset;
    const size_t count = static_cast<size_t>(std::min<uint64_t>(left, out.size()));
    if (count == 0) return Status::error(Code::internal, "weights: a read past the end of the data");
    const uint64_t from = part.place.file_offset + offset - part.place.begin;
    // What follows in the next file must not be overwritten by the rest of this one's last piece; and after a shard
    // the address may have another remainder than the offset.
    const bool fits = reinterpret_cast<uintptr_t>(out.data()) % kDirectAlignment == from % kDirectAlignment;
    if (part.direct_fd >= 0 && fits) {
      RUNNEL_TRY(read_directly(part, offset, out.first(count)));
    } else {
      RUNNEL_TRY(read_part(part, offset, out.first(count)));
      forget_cached(part.cached_fd, from, count);
    }
    offset += count;
    out = out.subspan(count);
  }
  return {};
}

}  // namespace runnel
