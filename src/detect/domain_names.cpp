#include "detect/domain_names.h"

#include <algorithm>
#include <array>

namespace tsujiban::detect {
namespace {

// A rule of the list by its labels; kinds are bits, for "*.ck" and "ck" are kept in one.
struct SuffixRule {
  std::string_view labels;
  std::uint8_t kinds = 0;
};
constexpr std::uint8_t normal = 1, wildcard = 2, exception = 4;

#include "detect/name_tables.inc"

constexpr std::uint32_t fnv_basis = 0x811c9dc5u, fnv_prime = 0x01000193u;

// `hash` is FNV-1a of the characters from the last to the first.
std::uint8_t kinds_of(std::string_view labels, std::uint32_t hash) noexcept {
  for (std::size_t i = 0; i < suffix_steps_max; ++i) {
    const SuffixRule& rule = suffix_rules[(hash + i) % suffix_slots];
    if (rule.kinds == 0) return 0;
    if (rule.labels == labels) return rule.kinds;
  }
  return 0;
}

// A dot within a label has a backslash before it, and so has a backslash.
bool is_separator(std::string_view name, std::size_t at) noexcept {
  if (name[at] != '.') return false;
  std::size_t slashes = 0;
  while (slashes < at && name[at - 1 - slashes] == '\\') ++slashes;
  return slashes % 2 == 0;
}

constexpr std::size_t letter_of(char c) noexcept {
  if (c >= 'a' && c <= 'z') return static_cast<std::size_t>(c - 'a');
  return c >= '0' && c <= '9' ? 26 : 27;
}

}  // namespace

DomainParts parts_of(std::string_view name) noexcept {
  // starts[n]: where the last n labels begin.
  std::array<std::size_t, suffix_labels_max + 2> starts{};
  std::size_t count = 0, suffix = 1;
  std::uint32_t hash = fnv_basis;
  bool decided = false, listed = false;
  for (std::size_t i = name.size(); i > 0 && count < suffix_labels_max + 1; --i) {
    const bool first = i == 1, at_label = first || is_separator(name, i - 2);
    hash = (hash ^ static_cast<std::uint8_t>(name[i - 1])) * fnv_prime;
    // The dot itself ends no label; neither does an empty one.
    if (!at_label || is_separator(name, i - 1)) continue;
    starts[++count] = i - 1;
    if (decided) continue;
    const std::uint8_t kinds = kinds_of(name.substr(i - 1), hash);
    listed = listed || kinds != 0;
    if ((kinds & exception) != 0) {
      suffix = count - 1;
      decided = true;
    } else if ((kinds & wildcard) != 0) {
      suffix = count + 1;
    } else if ((kinds & normal) != 0) {
      suffix = std::max(suffix, count);
    }
  }
  DomainParts parts;
  if (suffix == 0 || count <= suffix) return parts;
  parts.listed = listed;
  parts.suffix = name.substr(starts[suffix]);
  parts.registered = name.substr(starts[suffix + 1]);
  parts.label = parts.registered.substr(0, parts.registered.size() - parts.suffix.size() - 1);
  if (starts[suffix + 1] > 0) parts.below = name.substr(0, starts[suffix + 1] - 1);
  return parts;
}

int letter_score(std::string_view label) noexcept {
  std::size_t before = letter_of('-');
  int sum = 0;
  for (const char c : label) {
    const std::size_t letter = letter_of(c);
    sum += letter_pairs[before][letter];
    before = letter;
  }
  sum += letter_pairs[before][letter_of('-')];
  return sum / static_cast<int>(label.size() + 1);
}

bool is_random_looking(std::string_view label) noexcept {
  return label.size() >= random_label_min && !label.starts_with("xn--") && letter_score(label) < random_score_max;
}

ShownName::ShownName(std::string_view name) noexcept {
  std::size_t size = 0;
  for (const char c : name) {
    if (size == sizeof text_ - 1) break;
    text_[size++] = c > ' ' && c < 0x7f ? c : '?';
  }
  if (name.size() > size) std::fill_n(text_ + size - 3, 3, '.');
  text_[size] = '\0';
}

}  // namespace tsujiban::detect
