#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/fault_list.h"

namespace tsujiban::config {

// Bounds on one file. The deepest thing that the configuration knows is a list in a map in a list in a map.
inline constexpr std::size_t file_bytes_max = std::size_t{64} << 20;
inline constexpr std::size_t nesting_max = 32;
inline constexpr std::size_t nodes_max = std::size_t{8} << 20;

enum class NodeKind : std::uint8_t {
  null,
  scalar,
  list,
  map,
  refused,  // An alias: told already, so that no second fault follows from it.
};

// One node of a file, 32 bytes. The children of a map are key, value, key, value.
struct Node {
  std::uint32_t line = 0, column = 0;  // From 1; columns count bytes, as compilers do.
  std::uint32_t text_at = 0, text_size = 0;
  std::uint32_t first = 0, next = 0;  // Index of the first child and of the next sibling; 0: none.
  std::uint32_t count = 0;            // Children; of a map, keys and values together.
  NodeKind kind = NodeKind::null;
};

// The tree of one YAML document. It is built from the parser's events, not from its own node type: there aliases are
// seen before they multiply, duplicate keys are still there, and keys have places. Rows of a table and the homes that a
// template makes become such trees too, so that one reader checks them all.
class Tree {
 public:
  const Node& root() const noexcept { return nodes_[0]; }
  const Node& at(std::uint32_t index) const noexcept { return nodes_[index]; }
  std::string_view text_of(const Node& node) const noexcept {
    return (borrowed_.data() != nullptr ? borrowed_ : std::string_view(text_)).substr(node.text_at, node.text_size);
  }
  bool empty() const noexcept { return nodes_.empty(); }

  // Empties the tree. The texts of its nodes then are parts of `text`, which must outlive it, or what `add_text` adds.
  void restart(std::string_view text) {
    nodes_.clear();
    text_.clear();
    borrowed_ = text;
  }
  std::uint32_t add_text(std::string_view text) {
    text_ += text;
    return static_cast<std::uint32_t>(text_.size() - text.size());
  }
  // Adds a node without children as the last child of `parent`, whose last one so far is `last`; the first of all is
  // the root, and `parent` is then ignored. Returns its index and sets `last`.
  std::uint32_t add_child(std::uint32_t parent, std::uint32_t& last, Node node);

 private:
  friend class TreeBuilder;
  std::vector<Node> nodes_;
  std::string text_;
  std::string_view borrowed_;
};

// Whether the bytes are UTF-8 without control characters; the first that are not are told.
bool check_text(std::string_view bytes, std::uint32_t file, FaultList& faults);

// Reads `bytes`; every rule that they break as YAML, or as the part of YAML that is accepted here, goes to `faults`.
// True when the tree may be walked; it may be true with faults (aliases, tags), so that all are told at once.
bool parse_yaml(std::string_view bytes, std::uint32_t file, FaultList& faults, Tree& tree);

}  // namespace tsujiban::config
