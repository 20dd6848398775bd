#pragma once
#include <cstdint>
#include <string_view>

#include "model/fact.h"

namespace tsujiban::detect {

// A domain name cut where its owner's part begins. Names are in the form of DomainName; views into the text given.
struct DomainParts {
  std::string_view below;       // What the owner put before it, without the dot; empty: nothing.
  std::string_view registered;  // Public suffix and one label; empty: a lone label, or a public suffix itself.
  std::string_view label;       // That one label,
  std::string_view suffix;      // and the public suffix.
  bool listed = false;          // A rule of the list names that suffix: domains below it are given to owners.
};

// By the Public Suffix List (https://publicsuffix.org/list/), its private part too: who has a name at a provider of
// names or pages there is an owner. What no rule knows ends with one label, as the list says. The table is made when
// the program is built. Looks at a handful of labels from the end, however long the name is; allocates nothing.
DomainParts parts_of(std::string_view name) noexcept;

// How likely the letters of a label follow each other, in 1/256 bits a character (negative; words of people are around
// -4 bits, equally likely letters around -6): the mean log2 of bigram probabilities, the language model that
// Yadav et al. (Detecting Algorithmically Generated Malicious Domain Names, IMC 2010) and Schiavoni et al. (Phoenix,
// DIMVA 2014) tell generated names by. README.md says how its limit was chosen.
int letter_score(std::string_view label) noexcept;
inline constexpr int random_score_max = -1229;  // -4.8 bits.
inline constexpr std::size_t random_label_min = 6;
// Whether a label looks as if its letters had been drawn. Encoded labels (RFC 5890, 2.3.2.1) never do.
bool is_random_looking(std::string_view label) noexcept;

// Unkeyed, the same in every run; `hash_of(name.view())` is DomainName::hash of a name that is whole.
inline std::uint64_t hash_of(std::string_view text) noexcept {
  return hash_bytes(HashSeed{}, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// Text for people: printable ASCII, everything else a question mark, cut to the room there is.
struct ShownName {
  explicit ShownName(std::string_view name) noexcept;
  const char* text() const noexcept { return text_; }

 private:
  char text_[81];
};

}  // namespace tsujiban::detect
