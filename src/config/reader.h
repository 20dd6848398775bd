#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "config/values.h"
#include "config/yaml_tree.h"

namespace tsujiban::config {

// What the walk of every section needs to tell faults.
struct Context {
  FaultList& faults;
  Suggestions suggestions;
};

// A node of a file: a handle, copied freely; it lives as long as the tree.
struct Value {
  const Tree* tree = nullptr;
  const Node* node = nullptr;
  std::uint32_t file = 0;

  explicit operator bool() const noexcept { return node != nullptr; }
  NodeKind kind() const noexcept { return node->kind; }
  Position position() const noexcept { return {file, node->line, node->column}; }
  std::string_view text() const noexcept { return tree->text_of(*node); }
  Value child(std::uint32_t index) const noexcept { return {tree, &tree->at(index), file}; }
  // Calls `each` with every child of a list.
  template <class Each>
  void for_each(Each&& each) const {
    for (std::uint32_t i = node->count == 0 ? 0 : node->first; i != 0; i = tree->at(i).next) each(child(i));
  }
};

// Tells a fault at `value`: "key: message".
void wrong(Context& context, const Value& value, std::string_view key, const std::string& message);

// A map whose keys are known: unknown and duplicate keys are told when it is made.
class MapReader {
 public:
  static constexpr std::size_t keys_max = 64;
  // `what` names the map for people ("an asset"). The text of `keys` must live as long as the reader.
  MapReader(Context& context, const Value& map, std::string_view what, std::span<const std::string_view> keys);
  // False: the value was no map, and that is told.
  explicit operator bool() const noexcept { return is_map_; }
  // The value of a key; none when it is absent.
  Value find(std::string_view key) const noexcept;
  // The same; its absence is a fault at the map.
  Value need(std::string_view key);

 private:
  Context& context_;
  Value map_;
  std::string_view what_;
  std::span<const std::string_view> keys_;
  Value values_[keys_max];
  bool is_map_ = false;
};

// The text of a scalar; anything else is told as a fault and gives false.
bool read_text(Context& context, const Value& value, std::string_view key, std::string_view& text);

// A scalar by one of the grammars of values.h: `read(text, out)` returns what is wrong.
template <class Out, class Read>
bool read_value(Context& context, const Value& value, std::string_view key, Out& out, Read&& read) {
  std::string_view text;
  if (!value || !read_text(context, value, key, text)) return false;
  const std::string message = read(text, out);
  if (message.empty()) return true;
  wrong(context, value, key, message);
  return false;
}

// Each item of a list of scalars, or the one scalar that stands for a list of one: `each(item, text)`.
template <class Each>
void read_one_or_list(Context& context, const Value& value, std::string_view key, Each&& each) {
  if (!value) return;
  std::string_view text;
  if (value.kind() != NodeKind::list) {
    if (read_text(context, value, key, text)) each(value, text);
    return;
  }
  if (value.node->count == 0) {
    wrong(context, value, key, "the list is empty; give one or more, or leave the key out");
    return;
  }
  value.for_each([&](const Value& item) {
    if (read_text(context, item, key, text)) each(item, text);
  });
}

// A list of maps, or one map that stands for a list of one: `each(item)`.
template <class Each>
void each_map(Context& context, const Value& value, std::string_view key, Each&& each) {
  if (!value) return;
  if (value.kind() == NodeKind::map) {
    each(value);
  } else if (value.kind() == NodeKind::list) {
    value.for_each([&](const Value& item) { each(item); });
  } else if (value.kind() != NodeKind::refused) {
    wrong(context, value, key, "a list of maps is accepted");
  }
}

// A word out of a fixed set.
template <class Out>
bool read_word(Context& context, const Value& value, std::string_view key, std::span<const std::string_view> words,
               std::span<const Out> meanings, Out& out) {
  std::string_view text;
  if (!value || !read_text(context, value, key, text)) return false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == text) {
      out = meanings[i];
      return true;
    }
  }
  wrong(context, value, key,
        in_quotes(text) + " is not known" + context.suggestions.among(text, words) + "; accepted: " + listed(words));
  return false;
}

}  // namespace tsujiban::config
