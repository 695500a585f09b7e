// A text that is being typed, with how it becomes ids: as it is, or as messages through the chat template.
//
// Ownership: owns a copy of the text. Thread rule: one thread at a time.
#pragma once

#include <string_view>

#include "runnel/model.h"

namespace runnel {

class TypedText {
 public:
  // What it was before goes, unless the status is out_of_memory.
  Status set_text(std::string_view text, const TokenizeOptions& options) noexcept {
    RUNNEL_TRY(set(text, {}, {}));
    tokenize_ = options;
    is_chat_ = false;
    return {};
  }
  Status set_chat(std::string_view messages_json, const ChatOptions& options) noexcept {
    RUNNEL_TRY(set(messages_json, options.tools_json, options.extra_json));
    chat_ = options;
    is_chat_ = true;
    return {};
  }

  // *ids becomes the text's. Statuses as Model::tokenize() and Model::tokenize_chat().
  Status encode(const Model& model, Array<int32_t>* ids) const noexcept {
    ids->clear();
    const std::string_view all(bytes_.data(), bytes_.size());
    if (!is_chat_) return model.tokenize(all, tokenize_, ids);
    ChatOptions chat = chat_;  // whose texts were the caller's
    chat.tools_json = all.substr(text_bytes_, tools_bytes_);
    chat.extra_json = all.substr(text_bytes_ + tools_bytes_);
    return model.tokenize_chat(all.substr(0, text_bytes_), chat, ids);
  }

 private:
  Status set(std::string_view text, std::string_view tools, std::string_view extra) noexcept {
    if (!bytes_.reserve(text.size() + tools.size() + extra.size())) return out_of_memory("sync", "the text");
    bytes_.clear();
    for (const std::string_view part : {text, tools, extra}) (void)bytes_.append(part);
    text_bytes_ = text.size();
    tools_bytes_ = tools.size();
    return {};
  }

  Array<char> bytes_;  // the text, then the chat's tools and variables
  size_t text_bytes_ = 0, tools_bytes_ = 0;
  bool is_chat_ = false;
  TokenizeOptions tokenize_;
  ChatOptions chat_;
};

}  // namespace runnel
