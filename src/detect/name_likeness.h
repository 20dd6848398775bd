#pragma once
#include <cstdint>
#include <string_view>

#include "base/fixed_vector.h"

namespace tsujiban::detect {

// A label as its reader sees it: an encoded one (RFC 5891, "xn--") decoded, and characters that look alike made one.
using Skeleton = FixedVector<char32_t, 63>;

// The letters are those of Unicode TR39's confusables.txt that IDNA permits in Cyrillic and Greek and that pass for
// Latin ones, and Katakana that pass for Han; beside them Latin letters with marks (as TR39 has them without the mark),
// the digits 0 and 1, "rn" for m and "vv" for w. A label that cannot be decoded is taken as it is written.
Skeleton skeleton_of(std::string_view label) noexcept;

// RFC 3492, 6.2, of what follows "xn--". False where it is none, or has more than 63 characters.
bool decode_punycode(std::string_view encoded, Skeleton& decoded) noexcept;

// Damerau-Levenshtein distance in its optimal string alignment form (a neighbouring pair that is exchanged is one
// step); what is more than `max` is `max` + 1. Time grows with length times `max`, which is at most 8.
unsigned edit_distance(const Skeleton& a, const Skeleton& b, unsigned max) noexcept;

}  // namespace tsujiban::detect
