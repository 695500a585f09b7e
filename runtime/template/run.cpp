#include "runtime/template/run.h"

#include <cstring>

#include "runtime/template/operations.h"

namespace runnel::jinja {
namespace {
constexpr size_t kMaxStringBytes = 1u << 30;  // sizes are held in 32 bits
}

Value Run::fail(Code code, const char* format, ...) noexcept {
  if (failed_) return {};
  failed_ = true;
  va_list args;
  va_start(args, format);
  status_ = Status::error_v(code, format, args);
  va_end(args);
  return {};
}

Value Run::raise(const char* format, ...) noexcept {
  if (failed_) return {};
  failed_ = true;
  va_list args;
  va_start(args, format);
  status_ = Status::error_v(Code::invalid_argument, format, args).with_context("chat template: line %u", line);
  va_end(args);
  return {};
}

void Run::fail_memory() noexcept {
  fail(Code::out_of_memory, "chat template: line %u: the rendering needs more than the %zu bytes that it may take",
       line, arena_.limit_bytes());
}

void Run::fail_steps() noexcept {
  raise("the rendering does not end within %llu steps", static_cast<unsigned long long>(steps_));
}

Value Run::string(std::string_view s) noexcept { return concat(s, {}); }

Value Run::concat(std::string_view a, std::string_view b) noexcept {
  const size_t size = a.size() + b.size();
  if (failed_ || !spend(size / 64)) return {};
  if (size > kMaxStringBytes) return raise("a string of %zu bytes", size);
  char* data = static_cast<char*>(bytes(size));
  if (data == nullptr) return {};
  if (!a.empty()) std::memcpy(data, a.data(), a.size());
  if (!b.empty()) std::memcpy(data + a.size(), b.data(), b.size());
  return Value::of(std::string_view(data, size));
}

List* Run::new_list_of(uint32_t capacity) noexcept {
  List* list = make<List>();
  if (list == nullptr || capacity == 0) return list;
  list->items = make<Value>(capacity);
  if (list->items == nullptr) return nullptr;
  list->capacity = capacity;
  return list;
}

bool Run::push(List* list, const Value& value) noexcept {
  if (list == nullptr || !spend(1)) return false;
  if (list->count == list->capacity) {
    const uint32_t capacity = list->capacity < 4 ? 8 : list->capacity * 2;
    Value* items = make<Value>(capacity);
    if (items == nullptr) return false;
    if (list->count != 0) std::memcpy(static_cast<void*>(items), list->items, list->count * sizeof(Value));
    list->items = items;
    list->capacity = capacity;
  }
  list->items[list->count++] = value;
  return true;
}

Value Run::pair(const Value& a, const Value& b) noexcept {
  List* list = new_list(2);
  return push(list, a) && push(list, b) ? Value::of(list, Kind::tuple) : Value{};
}

bool Run::set(Dict* dict, const Value& key, const Value& value) noexcept {
  if (dict == nullptr) return false;
  if (const Value* old = get(dict, key)) {
    *const_cast<Value*>(old) = value;
    return !failed_;
  }
  if (failed_) return false;
  if (dict->count == dict->capacity) {
    const uint32_t capacity = dict->capacity < 4 ? 8 : dict->capacity * 2;
    Entry* entries = make<Entry>(capacity);
    if (entries == nullptr) return false;
    if (dict->count != 0) std::memcpy(static_cast<void*>(entries), dict->entries, dict->count * sizeof(Entry));
    dict->entries = entries;
    dict->capacity = capacity;
  }
  dict->entries[dict->count++] = {key, value};
  return true;
}

const Value* Run::get(const Dict* dict, const Value& key) noexcept {
  if (!spend(1 + dict->count / 8)) return nullptr;
  for (uint32_t i = 0; i < dict->count; ++i) {
    const Entry& entry = dict->entries[i];
    if (entry.key.is(Kind::string) && key.is(Kind::string) ? entry.key.view() == key.view()
                                                           : equal(*this, entry.key, key))
      return &entry.value;
  }
  return nullptr;
}

Value Run::method(std::string_view name, Native native, const Value& self) noexcept {
  Function* function = make<Function>();
  if (function == nullptr) return {};
  function->name = name;
  function->native = native;
  function->self = self;
  return Value::of(function);
}

bool Text::grow(size_t more) noexcept {
  if (run_.failed() || !run_.spend(more / 64)) return false;
  if (more <= capacity_ - size_) return true;
  if (more > kMaxStringBytes || size_ + more > kMaxStringBytes) {
    run_.raise("a text of more than %zu bytes", kMaxStringBytes);
    return false;
  }
  size_t capacity = capacity_ < 128 ? 256 : capacity_ * 2;
  if (capacity < size_ + more) capacity = size_ + more;
  char* data = static_cast<char*>(run_.bytes(capacity));
  if (data == nullptr) return false;
  if (size_ != 0) std::memcpy(data, data_, size_);
  data_ = data;
  capacity_ = capacity;
  return true;
}

void Text::append(std::string_view s) noexcept {
  if (s.empty() || !grow(s.size())) return;
  std::memcpy(data_ + size_, s.data(), s.size());
  size_ += s.size();
}

void Text::append_repeated(char c, size_t count) noexcept {
  if (count == 0 || !grow(count)) return;
  std::memset(data_ + size_, c, count);
  size_ += count;
}

void Text::append_code_point(uint32_t c) noexcept {
  char bytes[4];
  size_t n = 0;
  if (c < 0x80) {
    bytes[n++] = static_cast<char>(c);
  } else if (c < 0x800) {
    bytes[n++] = static_cast<char>(0xC0 | (c >> 6));
    bytes[n++] = static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    bytes[n++] = static_cast<char>(0xE0 | (c >> 12));
    bytes[n++] = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    bytes[n++] = static_cast<char>(0x80 | (c & 0x3F));
  } else {
    bytes[n++] = static_cast<char>(0xF0 | (c >> 18));
    bytes[n++] = static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    bytes[n++] = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    bytes[n++] = static_cast<char>(0x80 | (c & 0x3F));
  }
  append(std::string_view(bytes, n));
}

}  // namespace runnel::jinja
