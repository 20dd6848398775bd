#pragma once
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "config/flat_map.h"

namespace tsujiban::config {

// Texts that are added and never taken away; a view into it lives as long as the pool.
class TextPool {
 public:
  std::string_view add(std::string_view text) {
    if (text.size() > left_) {
      left_ = text.size() > block_bytes ? text.size() : block_bytes;
      blocks_.push_back(std::make_unique<char[]>(left_));
      at_ = blocks_.back().get();
    }
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    const std::string_view kept(at_, text.size());
    at_ += text.size();
    left_ -= text.size();
    return kept;
  }

 private:
  static constexpr std::size_t block_bytes = std::size_t{64} << 10;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
};

struct TextHash {
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

// Fills a pool in which the same text stands once: a million entries give few different reasons.
class TextSet {
 public:
  std::string_view add(std::string_view text) {
    if (const std::string_view* known = texts_.find(text)) return *known;
    const std::string_view kept = pool_->add(text);
    texts_.try_emplace(kept, kept);
    return kept;
  }
  std::shared_ptr<const TextPool> pool() const { return pool_; }

 private:
  std::shared_ptr<TextPool> pool_ = std::make_shared<TextPool>();
  FlatMap<std::string_view, std::string_view, TextHash> texts_;
};

}  // namespace tsujiban::config
