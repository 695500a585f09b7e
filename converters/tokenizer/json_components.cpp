// Normalizer, pre-tokenizer, decoder and post-processor of a tokenizer.json.
#include "converters/text.h"
#include "converters/tokenizer/tokenizer_json.h"

namespace runnel {
namespace {

using nlohmann::json;

constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// A literal text as a pattern.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          static_cast<unsigned char>(c) >= 0x80;
    if (!is_plain) out += '\\';
    out += c;
  }
  return out;
}

// {"String": ...} or {"Regex": ...} in PCRE2's terms.
Result<std::string> read_pattern(const json& pattern) {
  if (pattern.is_string()) return escaped(pattern.get<std::string>());
  if (const json& text = json_member(pattern, "String"); text.is_string()) return escaped(text.get<std::string>());
  if (const json& regex = json_member(pattern, "Regex"); regex.is_string()) {
    return pcre2_pattern(regex.get<std::string>(), kTokenizerJson);
  }
  return json_corrupt("a pattern is neither a string nor a regular expression");
}

Result<SplitBehaviour> read_behaviour(const std::string& name) {
  if (name == "Removed" || name == "removed") return SplitBehaviour::removed;
  if (name == "Isolated" || name == "isolated") return SplitBehaviour::isolated;
  if (name == "MergedWithPrevious" || name == "merged_with_previous") return SplitBehaviour::merged_with_previous;
  if (name == "MergedWithNext" || name == "merged_with_next") return SplitBehaviour::merged_with_next;
  if (name == "Contiguous" || name == "contiguous") return SplitBehaviour::contiguous;
  return json_corrupt("split behaviour %s", in_quotes(name).c_str());
}

// Calls read() for each member of a "Sequence", or for the component itself. null is none.
template <class Read>
Status for_each(const json& component, const char* list, const Read& read, int depth = 0) {
  if (component.is_null()) return {};
  if (!component.is_object()) return json_corrupt("a component of %s is no object", list);
  if (json_type(component) != "Sequence") return read(component);
  const json& members = json_member(component, list);
  if (!members.is_array() || depth > 8) return json_corrupt("a Sequence without a list of %s", list);
  for (const json& member : members) RUNNEL_TRY(for_each(member, list, read, depth + 1));
  return {};
}

Status read_one_normalizer(const json& normalizer, JsonParts* parts, TokenizerSpec* spec) {
  const std::string type = json_type(normalizer);
  auto& steps = spec->normalizers;
  if (type == "Prepend") {
    steps.push_back({NormalizeKind::prepend, "", json_string(normalizer, "prepend")});
  } else if (type == "Replace") {
    const json& from = json_member(json_member(normalizer, "pattern"), "String");
    if (!from.is_string()) return json_unsupported("normalizer Replace with a regular expression");
    if (from.get<std::string>().empty()) return json_corrupt("a Replace normalizer replaces nothing");
    steps.push_back({NormalizeKind::replace, from.get<std::string>(), json_string(normalizer, "content")});
  } else if (type == "NFC") {
    steps.push_back({NormalizeKind::nfc, "", ""});
  } else if (type == "NFD") {
    steps.push_back({NormalizeKind::nfd, "", ""});
  } else if (type == "NFKC") {
    steps.push_back({NormalizeKind::nfkc, "", ""});
  } else if (type == "NFKD") {
    steps.push_back({NormalizeKind::nfkd, "", ""});
  } else if (type == "ByteLevel") {
    parts->is_byte_level = true;
  } else {
    return json_unsupported("normalizer %s", in_quotes(type).c_str());
  }
  return {};
}

Status read_metaspace(const json& component, TokenizerSpec* spec) {
  if (!spec->splits.empty()) return json_unsupported("pre-tokenizer Metaspace behind another one");
  std::string mark = json_string(component, "replacement");
  if (mark.empty()) mark = kSpaceMark;
  spec->preparations.push_back({NormalizeKind::replace, " ", mark});
  std::string scheme = json_string(component, "prepend_scheme");
  if (scheme.empty()) scheme = json_flag(component, "add_prefix_space", true) ? "always" : "never";
  if (scheme == "always") {
    spec->preparations.push_back({NormalizeKind::prepend_missing, "", mark});
  } else if (scheme == "first") {
    spec->preparations.push_back({NormalizeKind::prepend_first, "", mark});
  } else if (scheme != "never") {
    return json_corrupt("prepend_scheme %s", in_quotes(scheme).c_str());
  }
  if (json_flag(component, "split", true)) {
    spec->splits.push_back({escaped(mark), SplitBehaviour::merged_with_next, false});
  }
  return {};
}

Status read_one_pre_tokenizer(const json& component, JsonParts* parts, TokenizerSpec* spec) {
  const std::string type = json_type(component);
  const auto split = [&](std::string_view pattern, SplitBehaviour behaviour, bool invert) -> Status {
    RUNNEL_ASSIGN(std::string translated, pcre2_pattern(pattern, kTokenizerJson));
    spec->splits.push_back({std::move(translated), behaviour, invert});
    return {};
  };
  if (type == "ByteLevel") {
    parts->is_byte_level = true;
    if (json_flag(component, "add_prefix_space", true)) {
      if (!spec->splits.empty())
        return json_unsupported("add_prefix_space of a ByteLevel behind another pre-tokenizer");
      spec->preparations.push_back({NormalizeKind::prepend_missing, "", " "});
    }
    return json_flag(component, "use_regex", true) ? split(kByteLevelPattern, SplitBehaviour::isolated, false)
                                                   : Status();
  }
  if (type == "Split") {
    RUNNEL_ASSIGN(std::string pattern, read_pattern(json_member(component, "pattern")));
    RUNNEL_ASSIGN(const SplitBehaviour behaviour, read_behaviour(json_string(component, "behavior")));
    spec->splits.push_back({std::move(pattern), behaviour, json_flag(component, "invert", false)});
    return {};
  }
  if (type == "Digits") {
    const bool individual = json_flag(component, "individual_digits", false);
    return split(individual ? R"(\p{N})" : R"(\p{N}+)", SplitBehaviour::isolated, false);
  }
  if (type == "Metaspace") return read_metaspace(component, spec);
  if (type == "Whitespace") return split(R"(\w+|[^\w\s]+)", SplitBehaviour::removed, true);
  if (type == "WhitespaceSplit") return split(R"(\s)", SplitBehaviour::removed, false);
  if (type == "Punctuation") {
    std::string name = json_string(component, "behavior");
    RUNNEL_ASSIGN(const SplitBehaviour behaviour, read_behaviour(name.empty() ? "Isolated" : name));
    return split(R"([!-/:-@\[-`{-~\p{P}])", behaviour, false);
  }
  return json_unsupported("pre-tokenizer %s", in_quotes(type).c_str());
}

Status read_one_decoder(const json& decoder, JsonParts* parts, TokenizerSpec* spec) {
  const std::string type = json_type(decoder);
  if (type == "ByteLevel" || type == "Fuse") return {};
  if (type == "ByteFallback") {
    parts->has_byte_fallback = true;
  } else if (type == "Replace") {
    const json& from = json_member(json_member(decoder, "pattern"), "String");
    if (!from.is_string() || from.get<std::string>().empty()) {
      return json_unsupported("decoder Replace with a regular expression");
    }
    parts->replacements.emplace_back(from.get<std::string>(), json_string(decoder, "content"));
  } else if (type == "Strip") {
    const json& start = json_member(decoder, "start");
    const json& stop = json_member(decoder, "stop");
    const bool is_small = start.is_number_unsigned() && start.get<uint64_t>() < 256;
    if (json_string(decoder, "content") != " " || !is_small || (!stop.is_null() && stop != 0)) {
      return json_unsupported("decoder Strip of anything but leading spaces");
    }
    spec->strip_spaces = static_cast<uint8_t>(start.get<uint64_t>());
  } else if (type == "Metaspace") {
    std::string mark = json_string(decoder, "replacement");
    parts->replacements.emplace_back(mark.empty() ? std::string(kSpaceMark) : mark, " ");
    const std::string scheme = json_string(decoder, "prepend_scheme");
    const bool strips = scheme.empty() ? json_flag(decoder, "add_prefix_space", true) : scheme != "never";
    if (strips) spec->strip_spaces = 1;
  } else {
    return json_unsupported("decoder %s", in_quotes(type).c_str());
  }
  return {};
}

// The ids of a TemplateProcessing's special token, or of the pair ["</s>", 2] of the older processors.
Status append_special(const json& ids, TokenizerSpec* spec, std::vector<uint32_t>* to) {
  if (!ids.is_array()) return json_corrupt("a special token of the post-processor has no ids");
  for (const json& id : ids) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= spec->tokens.size()) {
      return json_corrupt("a special token of the post-processor is out of the vocabulary");
    }
    to->push_back(id.get<uint32_t>());
  }
  return {};
}

Status read_template(const json& processor, TokenizerSpec* spec) {
  const json& single = json_member(processor, "single");
  if (!single.is_array()) return json_corrupt("a TemplateProcessing without a list for single texts");
  bool after_text = false;
  for (const json& part : single) {
    if (part.is_object() && part.contains("Sequence")) {
      after_text = true;
      continue;
    }
    const std::string name = json_string(json_member(part, "SpecialToken"), "id");
    const json& known = json_member(json_member(processor, "special_tokens"), name.c_str());
    RUNNEL_TRY(append_special(json_member(known, "ids"), spec, after_text ? &spec->suffix_ids : &spec->prefix_ids));
  }
  return {};
}

}  // namespace

Status read_normalizer(const json& normalizer, JsonParts* parts, TokenizerSpec* spec) {
  return for_each(normalizer, "normalizers", [&](const json& one) { return read_one_normalizer(one, parts, spec); });
}

Status read_pre_tokenizer(const json& pre_tokenizer, JsonParts* parts, TokenizerSpec* spec) {
  return for_each(pre_tokenizer, "pretokenizers",
                  [&](const json& one) { return read_one_pre_tokenizer(one, parts, spec); });
}

Status read_decoder(const json& decoder, JsonParts* parts, TokenizerSpec* spec) {
  return for_each(decoder, "decoders", [&](const json& one) { return read_one_decoder(one, parts, spec); });
}

Status read_post_processor(const json& processor, TokenizerSpec* spec) {
  return for_each(processor, "processors", [&](const json& one) -> Status {
    const std::string type = json_type(one);
    if (type == "ByteLevel") return {};
    if (type == "TemplateProcessing") return read_template(one, spec);
    if (type != "RobertaProcessing" && type != "BertProcessing") {
      return json_unsupported("post-processor %s", in_quotes(type).c_str());
    }
    for (const auto& [key, ids] : {std::pair{"cls", &spec->prefix_ids}, std::pair{"sep", &spec->suffix_ids}}) {
      const json& token = json_member(one, key);
      if (!token.is_array() || token.size() != 2) return json_corrupt("a %s without its %s", type.c_str(), key);
      RUNNEL_TRY(append_special(json::array({token[1]}), spec, ids));
    }
    return {};
  });
}

}  // namespace runnel
