#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>

namespace tsujiban::config {

// Leaves the parser from inside an event; the fault has been told.
struct Stop {};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::uint32_t file, FaultList& faults, Tree& tree) : file_(file), faults_(faults), tree_(tree) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    refuse(mark, "a second document (---) is not accepted; one file is one document, others are named by include");
    throw Stop{};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, NodeKind::null, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases are not accepted; write the value out");
    add(mark, NodeKind::refused, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    Node& node = add(mark, NodeKind::scalar, anchor);
    node.text_at = static_cast<std::uint32_t>(tree_.text_.size());
    node.text_size = static_cast<std::uint32_t>(value.size());
    tree_.text_ += value;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, NodeKind::list);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, NodeKind::map);
  }
  void OnMapEnd() override { open_.pop_back(); }

  void refuse(const YAML::Mark& mark, std::string message) {
    faults_.add({file_, static_cast<std::uint32_t>(std::max(mark.line, 0)) + 1,
                 static_cast<std::uint32_t>(std::max(mark.column, 0)) + 1},
                std::move(message));
  }

 private:
  struct Open {
    std::uint32_t node, last_child;
  };

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    // "?" and "!" are what the parser gives for plain and quoted values without a tag.
    if (tag.empty() || tag == "?" || tag == "!") return;
    refuse(mark, "tags (" + tag.substr(0, 64) + ") are not accepted; write the plain value");
  }

  Node& add(const YAML::Mark& mark, NodeKind kind, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "anchors (&) are not accepted; write the value out where it is needed");
    std::vector<Node>& nodes = tree_.nodes_;
    if (nodes.size() == nodes_max) {
      refuse(mark, "the file has more than " + std::to_string(nodes_max) + " values; split it with include");
      throw Stop{};
    }
    const std::uint32_t index = static_cast<std::uint32_t>(nodes.size());
    Node node;
    node.line = static_cast<std::uint32_t>(std::max(mark.line, 0)) + 1;
    node.column = static_cast<std::uint32_t>(std::max(mark.column, 0)) + 1;
    node.kind = kind;
    nodes.push_back(node);
    if (!open_.empty()) {
      Open& parent = open_.back();
      if (nodes[parent.node].count++ == 0) {
        nodes[parent.node].first = index;
      } else {
        nodes[parent.last_child].next = index;
      }
      parent.last_child = index;
    }
    return nodes.back();
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, NodeKind kind) {
    check_tag(mark, tag);
    if (open_.size() == nesting_max) {
      refuse(mark, "nested more than " + std::to_string(nesting_max) + " deep");
      throw Stop{};
    }
    add(mark, kind, anchor);
    open_.push_back({static_cast<std::uint32_t>(tree_.nodes_.size() - 1), 0});
  }

  std::uint32_t file_;
  FaultList& faults_;
  Tree& tree_;
  std::vector<Open> open_;
  unsigned documents_ = 0;
};

namespace {

class MemoryBuffer final : public std::streambuf {
 public:
  explicit MemoryBuffer(std::string_view bytes) {
    char* begin = const_cast<char*>(bytes.data());  // NOLINT: streambuf only reads it.
    setg(begin, begin, begin + bytes.size());
  }
};

// Length of the UTF-8 sequence at `at` (RFC 3629, 4), 0 when there is none.
std::size_t utf8_length(std::string_view bytes, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < bytes.size() ? static_cast<std::uint8_t>(bytes[at + i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned b = byte(0), c = byte(1);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return continues(1) ? 2 : 0;
  if (b >= 0xe0 && b <= 0xef) {
    const bool shortest = b != 0xe0 || c >= 0xa0, no_surrogate = b != 0xed || c < 0xa0;
    return continues(1) && continues(2) && shortest && no_surrogate ? 3 : 0;
  }
  if (b >= 0xf0 && b <= 0xf4) {
    const bool shortest = b != 0xf0 || c >= 0x90, in_range = b != 0xf4 || c < 0x90;
    return continues(1) && continues(2) && continues(3) && shortest && in_range ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::uint32_t Tree::add_child(std::uint32_t parent, std::uint32_t& last, Node node) {
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  node.first = node.next = node.count = 0;
  nodes_.push_back(node);
  if (index != 0) {
    if (nodes_[parent].count++ == 0) {
      nodes_[parent].first = index;
    } else {
      nodes_[last].next = index;
    }
  }
  last = index;
  return index;
}

// Other encodings and control characters end here, so that every text that reaches an output is clean UTF-8.
bool check_text(std::string_view bytes, std::uint32_t file, FaultList& faults) {
  std::uint32_t line = 1;
  std::size_t line_begin = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint8_t b = static_cast<std::uint8_t>(bytes[i]);
    if (b >= 0x20 && b < 0x7f) {
      ++i;
      continue;
    }
    const bool control = (b < 0x20 && b != '\n' && b != '\r' && b != '\t') || b == 0x7f;
    const std::size_t length = control ? 0 : utf8_length(bytes, i);
    if (length == 0) {
      static constexpr char digits[] = "0123456789abcdef";
      const char hex[] = {'0', 'x', digits[b >> 4], digits[b & 15], '\0'};
      faults.add({file, line, static_cast<std::uint32_t>(i - line_begin) + 1},
                 std::string("the byte ") + hex + " is no text; the file must be UTF-8 without control characters");
      return false;
    }
    i += length;
    if (b == '\n') {
      ++line;
      line_begin = i;
    }
  }
  return true;
}

bool parse_yaml(std::string_view bytes, std::uint32_t file, FaultList& faults, Tree& tree) {
  if (bytes.size() > file_bytes_max) {
    faults.add({file, 0, 0}, "the file is larger than 64 MiB; split it with include");
    return false;
  }
  if (!check_text(bytes, file, faults)) return false;
  MemoryBuffer buffer(bytes);
  std::istream stream(&buffer);
  TreeBuilder builder(file, faults, tree);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return false;
  } catch (const YAML::Exception& error) {
    builder.refuse(error.mark, "this is no YAML: " + error.msg);
    return false;
  }
  return true;
}

}  // namespace tsujiban::config
