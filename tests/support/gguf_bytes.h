// Writes GGUF bytes for tests: right ones by default, wrong ones on request.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "converters/gguf/gguf_file.h"

namespace runnel::test {

class GgufBytes {
 public:
  GgufBytes& key_u32(std::string_view key, uint32_t value) { return begin_key(key, GgufType::u32).raw(meta_, value); }
  GgufBytes& key_u16(std::string_view key, uint16_t value) { return begin_key(key, GgufType::u16).raw(meta_, value); }
  GgufBytes& key_i32(std::string_view key, int32_t value) { return begin_key(key, GgufType::i32).raw(meta_, value); }
  GgufBytes& key_f32(std::string_view key, float value) { return begin_key(key, GgufType::f32).raw(meta_, value); }
  GgufBytes& key_bool(std::string_view key, uint8_t value) {
    return begin_key(key, GgufType::boolean).raw(meta_, value);
  }
  GgufBytes& key_string(std::string_view key, std::string_view value) {
    return begin_key(key, GgufType::string).text(meta_, value);
  }
  GgufBytes& key_strings(std::string_view key, const std::vector<std::string>& values) {
    begin_array(key, GgufType::string, values.size());
    for (const std::string& value : values) text(meta_, value);
    return *this;
  }
  template <class T>
  GgufBytes& key_array(std::string_view key, GgufType type, const std::vector<T>& values) {
    begin_array(key, type, values.size());
    for (T value : values) raw(meta_, value);
    return *this;
  }
  // An array's head alone: the elements are the caller's business.
  GgufBytes& begin_array(std::string_view key, GgufType element, uint64_t count) {
    begin_key(key, GgufType::array);
    raw(meta_, static_cast<uint32_t>(element));
    return raw(meta_, count);
  }
  // A key and its type alone.
  GgufBytes& begin_key(std::string_view key, GgufType type) {
    ++entry_count;
    text(meta_, key);
    return raw(meta_, static_cast<uint32_t>(type));
  }
  // dims innermost first, as GGUF has them. The tensor follows the last one's data.
  GgufBytes& tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
                    const std::vector<uint8_t>& bytes) {
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    tensor_at(name, dims, type, data_.size());
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  GgufBytes& tensor_at(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    ++tensor_count;
    text(infos_, name);
    raw(infos_, static_cast<uint32_t>(dims.size()));
    for (uint64_t dim : dims) raw(infos_, dim);
    raw(infos_, type);
    return raw(infos_, offset);
  }
  GgufBytes& data(size_t bytes) {
    data_.resize(bytes);
    return *this;
  }

  std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> out = {'G', 'G', 'U', 'F'};
    append(out, version);
    append(out, tensor_count);
    append(out, entry_count);
    out.insert(out.end(), meta_.begin(), meta_.end());
    out.insert(out.end(), infos_.begin(), infos_.end());
    if (!data_.empty()) {
      out.resize((out.size() + alignment - 1) / alignment * alignment);
      out.insert(out.end(), data_.begin(), data_.end());
    }
    return out;
  }

  uint32_t version = 3;
  uint64_t tensor_count = 0, entry_count = 0;  // counted; overwrite for a lie
  size_t alignment = 32;

 private:
  template <class T>
  static void append(std::vector<uint8_t>& to, T value) {
    const auto* p = reinterpret_cast<const uint8_t*>(&value);
    to.insert(to.end(), p, p + sizeof value);
  }
  template <class T>
  GgufBytes& raw(std::vector<uint8_t>& to, T value) {
    append(to, value);
    return *this;
  }
  GgufBytes& text(std::vector<uint8_t>& to, std::string_view value) {
    append(to, static_cast<uint64_t>(value.size()));
    to.insert(to.end(), value.begin(), value.end());
    return *this;
  }

  std::vector<uint8_t> meta_, infos_, data_;
};

}  // namespace runnel::test
