#include "runtime/tokenizer/pattern.h"

#include "kernels/base/memory.h"

namespace runnel {
namespace {

constexpr size_t kMaxPatternBytes = 1 << 16;
// Far above what a text of 2^31 bytes needs with a pattern that does not backtrack without bound.
constexpr uint32_t kMatchLimit = 4000000000u;
constexpr uint32_t kHeapLimitKib = 4000000000u;

void* pcre2_allocate(size_t bytes, void*) { return allocate(bytes, alignof(max_align_t)); }
void pcre2_release(void* memory, void*) { release(memory); }

}  // namespace

PatternScratch::~PatternScratch() {
  pcre2_match_data_free(data_);
  pcre2_match_context_free(context_);
}

Status PatternScratch::prepare(const Patterns& patterns) noexcept {
  if (patterns.count() == 0) return {};
  data_ = pcre2_match_data_create(1, patterns.memory_);
  context_ = pcre2_match_context_create(patterns.memory_);
  if (data_ == nullptr || context_ == nullptr) return out_of_memory("tokenizer", "the matches of a pattern");
  pcre2_set_match_limit(context_, kMatchLimit);
  pcre2_set_depth_limit(context_, kMatchLimit);
  pcre2_set_heap_limit(context_, kHeapLimitKib);
  return {};
}

Patterns::~Patterns() {
  for (const Compiled& code : codes_) pcre2_code_free(code.code);
  pcre2_general_context_free(memory_);
}

Status Patterns::compile(const flatbuffers::Vector<flatbuffers::Offset<fb::SplitStep>>* steps) noexcept {
  if (steps == nullptr || steps->size() == 0) return {};
  memory_ = pcre2_general_context_create(pcre2_allocate, pcre2_release, nullptr);
  if (memory_ == nullptr || !codes_.reserve(steps->size())) return out_of_memory("tokenizer", "its patterns");
  pcre2_compile_context* context = pcre2_compile_context_create(memory_);
  if (context == nullptr) return out_of_memory("tokenizer", "its patterns");
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_max_pattern_length(context, kMaxPatternBytes);
  Status status;
  for (const fb::SplitStep* step : *steps) {
    int error = 0;
    size_t at = 0;
    const auto* pattern = reinterpret_cast<PCRE2_SPTR>(step->pattern()->c_str());
    pcre2_code* code =
        pcre2_compile(pattern, step->pattern()->size(),
                      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY, &error, &at, context);
    if (code == nullptr) {
      char words[128] = {};
      pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(words), sizeof words);
      status = Status::error(error == PCRE2_ERROR_HEAP_FAILED ? Code::out_of_memory : Code::unsupported,
                             "tokenizer: split %u: %s at byte %zu of its pattern", count(), words, at);
      break;
    }
    const bool has_jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
    if (!codes_.push({code, has_jit, static_cast<SplitBehaviour>(step->behaviour()), step->invert()})) {
      pcre2_code_free(code);
      status = out_of_memory("tokenizer", "its patterns");
      break;
    }
  }
  pcre2_compile_context_free(context);
  return status;
}

Result<Patterns::Found> Patterns::find(uint32_t step, std::string_view text, size_t from,
                                       PatternScratch* scratch) const noexcept {
  const Compiled& code = codes_[step];
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int rc = PCRE2_ERROR_JIT_STACKLIMIT;
  if (code.has_jit) {
    rc = pcre2_jit_match(code.code, subject, text.size(), from, 0, scratch->data_, scratch->context_);
  }
  // The interpreter keeps its backtracking on the heap, so that it ends only with the memory.
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
    rc = pcre2_match(code.code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, scratch->data_,
                     scratch->context_);
  }
  if (rc == PCRE2_ERROR_NOMATCH) return Found{std::string_view::npos, std::string_view::npos};
  if (rc < 0) {
    char words[128] = {};
    pcre2_get_error_message(rc, reinterpret_cast<PCRE2_UCHAR*>(words), sizeof words);
    const bool memory = rc == PCRE2_ERROR_NOMEMORY || rc == PCRE2_ERROR_HEAPLIMIT;
    return Status::error(memory ? Code::out_of_memory : Code::unsupported, "tokenizer: split %u at byte %zu of %zu: %s",
                         step, from, text.size(), words);
  }
  const size_t* found = pcre2_get_ovector_pointer(scratch->data_);
  // \K can put the beginning after the end or, in a look-behind, before `from`.
  if (found[0] < from || found[1] < found[0]) {
    return Status::error(Code::unsupported, "tokenizer: split %u matches outside of its place", step);
  }
  return Found{found[0], found[1]};
}

}  // namespace runnel
