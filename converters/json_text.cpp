#include "converters/json_text.h"

#include <set>
#include <vector>

#include "converters/source/mapped_file.h"
#include "converters/text.h"

namespace runnel {
namespace {

constexpr int kMostDepth = 64;

// Watches the parser: stops it (by exception, caught below) at what the DOM would hide.
class Watcher {
 public:
  bool operator()(int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        if (depth >= kMostDepth) throw std::length_error("nested deeper than 64 levels");
        if (event == Event::object_start) keys_.emplace_back();
        break;
      case Event::key:
        if (!keys_.back().insert(value.get<std::string>()).second)
          throw std::length_error("key " + in_quotes(value.get<std::string>()) + " is there twice in one object");
        break;
      case Event::object_end: keys_.pop_back(); break;
      default: break;
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, const char* who) {
  try {
    Watcher watcher;
    return nlohmann::json::parse(text.begin(), text.end(),
                                 [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
                                   return watcher(depth, event, value);
                                 });
  } catch (const nlohmann::json::parse_error& e) {
    return Status::error(Code::corrupt_file, "%s: not valid JSON at byte %zu", who, e.byte);
  } catch (const nlohmann::json::exception&) {
    return Status::error(Code::corrupt_file, "%s: a number in the JSON is out of range", who);
  } catch (const std::length_error& e) {
    return Status::error(Code::corrupt_file, "%s: %s", who, e.what());
  }
}

Result<std::string> read_text_file(const std::filesystem::path& path, uint64_t limit) {
  const std::string name = path.filename().string();
  RUNNEL_ASSIGN(MappedFile map, MappedFile::open(path.c_str(), name.c_str()));
  if (map.bytes().size() > limit)
    return Status::error(Code::corrupt_file, "%s: %zu bytes, more than the %llu that such a file may have",
                         name.c_str(), map.bytes().size(), static_cast<unsigned long long>(limit));
  return std::string(map.bytes().begin(), map.bytes().end());
}

Result<nlohmann::json> read_json_file(const std::filesystem::path& path, uint64_t limit) {
  RUNNEL_ASSIGN(const std::string text, read_text_file(path, limit));
  return parse_json(text, path.filename().c_str());
}

}  // namespace runnel
