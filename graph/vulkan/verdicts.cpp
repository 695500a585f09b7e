#include "graph/vulkan/verdicts.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "graph/file/input_file.h"
#include "graph/file/output_file.h"
#include "graph/vulkan/shaders.h"

namespace runnel::vulkan {
namespace {

constexpr uint64_t kMostFileBytes = 1 << 20;
constexpr int kVersion = 3;  // of the tests' meaning

int print_head(char (&line)[64]) noexcept {
  return std::snprintf(line, sizeof line, "runnel verdicts %d %016" PRIx64 "\n", kVersion, shaders_hash());
}

// "<16 hex digits> <why>"; false when it is none.
bool parse(const char* line, size_t length, Verdict* verdict) noexcept {
  char text[17 + sizeof verdict->why] = {};
  if (length < 17 || length >= sizeof text) return false;
  std::memcpy(text, line, length);
  int used = 0;
  if (std::sscanf(text, "%16" SCNx64 "%n", &verdict->kind, &used) != 1 || used != 16 || text[16] != ' ') return false;
  std::snprintf(verdict->why, sizeof verdict->why, "%s", text + 17);
  if (std::strcmp(verdict->why, "ok") == 0) verdict->why[0] = '\0';
  return true;
}

}  // namespace

void Verdicts::load(const Device& device) noexcept {
  Array<char> path;
  Array<uint8_t> bytes;
  if (!device.cache_path("verdicts", &path).ok() || path.empty()) return;
  const Result<InputFile> file = InputFile::open(path.data());
  if (!file.ok() || file->bytes() > kMostFileBytes || !bytes.resize(file->bytes()) || !file->read_at(0, bytes).ok())
    return;
  char head[64];
  const auto head_length = static_cast<size_t>(print_head(head));
  const char* at = reinterpret_cast<const char*>(bytes.data());
  const char* end = at + bytes.size();
  if (bytes.size() < head_length || std::memcmp(at, head, head_length) != 0) return;
  for (at += head_length; at < end;) {
    const void* found = std::memchr(at, '\n', static_cast<size_t>(end - at));
    if (found == nullptr) return;
    const auto* line_end = static_cast<const char*>(found);
    Verdict verdict;
    if (!parse(at, static_cast<size_t>(line_end - at), &verdict) || !rows_.push(verdict)) return;
    at = line_end + 1;
  }
}

const Verdict* Verdicts::find(uint64_t kind) const noexcept {
  for (const Verdict& row : rows_) {
    if (row.kind == kind) return &row;
  }
  return nullptr;
}

Status Verdicts::add(const Verdict& verdict) noexcept {
  changed_ = true;
  return rows_.push(verdict) ? Status() : out_of_memory("vulkan", "the verdicts");
}

void Verdicts::save(const Device& device) noexcept {
  Array<char> path;
  if (!changed_ || !device.cache_path("verdicts", &path).ok() || path.empty()) return;
  Array<char> text;
  char line[160];
  char head[64];
  bool held = text.append(std::span<const char>(head, static_cast<size_t>(print_head(head))));
  for (const Verdict& row : rows_) {
    const int length =
        std::snprintf(line, sizeof line, "%016" PRIx64 " %s\n", row.kind, *row.why == '\0' ? "ok" : row.why);
    held = held && text.append(std::span<const char>(line, static_cast<size_t>(length)));
  }
  if (!held) return;
  Result<OutputFile> file = OutputFile::create({path.data(), path.size() - 1}, "vulkan");
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  if (file.ok() && file->write_at(0, bytes).ok()) (void)file->publish();
}

}  // namespace runnel::vulkan
