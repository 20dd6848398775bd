#include "detect/name_likeness.h"

#include <algorithm>
#include <array>

namespace tsujiban::detect {
namespace {

struct Alike {
  char32_t from, to;
};
// Ascending. Of Unicode TR39 (confusables.txt); "mark" says that a mark is taken away instead.
constexpr std::array alike = {
    Alike{U'0', U'o'},     Alike{U'1', U'l'},     Alike{0x00e0, U'a'},  // mark, to 0x017e.
    Alike{0x00e1, U'a'},   Alike{0x00e2, U'a'},   Alike{0x00e3, U'a'},   Alike{0x00e4, U'a'},   Alike{0x00e5, U'a'},
    Alike{0x00e7, U'c'},   Alike{0x00e8, U'e'},   Alike{0x00e9, U'e'},   Alike{0x00ea, U'e'},   Alike{0x00eb, U'e'},
    Alike{0x00ec, U'i'},   Alike{0x00ed, U'i'},   Alike{0x00ee, U'i'},   Alike{0x00ef, U'i'},   Alike{0x00f1, U'n'},
    Alike{0x00f2, U'o'},   Alike{0x00f3, U'o'},   Alike{0x00f4, U'o'},   Alike{0x00f5, U'o'},   Alike{0x00f6, U'o'},
    Alike{0x00f8, U'o'},   Alike{0x00f9, U'u'},   Alike{0x00fa, U'u'},   Alike{0x00fb, U'u'},   Alike{0x00fc, U'u'},
    Alike{0x00fd, U'y'},   Alike{0x00ff, U'y'},   Alike{0x0101, U'a'},   Alike{0x0103, U'a'},   Alike{0x0105, U'a'},
    Alike{0x0107, U'c'},   Alike{0x0109, U'c'},   Alike{0x010b, U'c'},   Alike{0x010d, U'c'},   Alike{0x010f, U'd'},
    Alike{0x0111, U'd'},   Alike{0x0113, U'e'},   Alike{0x0115, U'e'},   Alike{0x0117, U'e'},   Alike{0x0119, U'e'},
    Alike{0x011b, U'e'},   Alike{0x011d, U'g'},   Alike{0x011f, U'g'},   Alike{0x0121, U'g'},   Alike{0x0123, U'g'},
    Alike{0x0125, U'h'},   Alike{0x0127, U'h'},   Alike{0x0129, U'i'},   Alike{0x012b, U'i'},   Alike{0x012d, U'i'},
    Alike{0x012f, U'i'},   Alike{0x0131, U'i'},   Alike{0x0135, U'j'},   Alike{0x0137, U'k'},   Alike{0x013a, U'l'},
    Alike{0x013c, U'l'},   Alike{0x013e, U'l'},   Alike{0x0142, U'l'},   Alike{0x0144, U'n'},   Alike{0x0146, U'n'},
    Alike{0x0148, U'n'},   Alike{0x014d, U'o'},   Alike{0x014f, U'o'},   Alike{0x0151, U'o'},   Alike{0x0155, U'r'},
    Alike{0x0157, U'r'},   Alike{0x0159, U'r'},   Alike{0x015b, U's'},   Alike{0x015d, U's'},   Alike{0x015f, U's'},
    Alike{0x0161, U's'},   Alike{0x0163, U't'},   Alike{0x0165, U't'},   Alike{0x0167, U't'},   Alike{0x0169, U'u'},
    Alike{0x016b, U'u'},   Alike{0x016d, U'u'},   Alike{0x016f, U'u'},   Alike{0x0171, U'u'},   Alike{0x0173, U'u'},
    Alike{0x0175, U'w'},   Alike{0x0177, U'y'},   Alike{0x017a, U'z'},   Alike{0x017c, U'z'},   Alike{0x017e, U'z'},
    Alike{0x0251, U'a'},   Alike{0x0261, U'g'},   Alike{0x03b1, U'a'},   Alike{0x03b3, U'y'},   Alike{0x03b9, U'i'},
    Alike{0x03bd, U'v'},   Alike{0x03bf, U'o'},   Alike{0x03c1, U'p'},   Alike{0x03c3, U'o'},   Alike{0x03c5, U'u'},
    Alike{0x0430, U'a'},   Alike{0x0433, U'r'},   Alike{0x0435, U'e'},   Alike{0x043e, U'o'},   Alike{0x0440, U'p'},
    Alike{0x0441, U'c'},   Alike{0x0443, U'y'},   Alike{0x0445, U'x'},   Alike{0x0455, U's'},   Alike{0x0456, U'i'},
    Alike{0x0458, U'j'},   Alike{0x04bb, U'h'},   Alike{0x04cf, U'l'},   Alike{0x0501, U'd'},   Alike{0x051b, U'q'},
    Alike{0x051d, U'w'},   Alike{0x3078, 0x30d8},  // Hiragana and Katakana he.
    Alike{0x30a8, 0x5de5},                         // Katakana e, o, ka, ta, to, ni, ha, ro and the long sound, as Han.
    Alike{0x30aa, 0x624d}, Alike{0x30ab, 0x529b}, Alike{0x30bf, 0x5915}, Alike{0x30c8, 0x535c}, Alike{0x30cb, 0x4e8c},
    Alike{0x30cf, 0x516b}, Alike{0x30ed, 0x53e3}, Alike{0x30fc, 0x4e00},
};
static_assert(std::is_sorted(alike.begin(), alike.end(),
                             [](const Alike& a, const Alike& b) { return a.from < b.from; }));

char32_t look_of(char32_t c) noexcept {
  const auto found =
      std::lower_bound(alike.begin(), alike.end(), c, [](const Alike& a, char32_t value) { return a.from < value; });
  return found != alike.end() && found->from == c ? found->to : c;
}

}  // namespace

bool decode_punycode(std::string_view encoded, Skeleton& decoded) noexcept {
  constexpr std::uint32_t base = 36, t_min = 1, t_max = 26, skew = 38, damp = 700;
  std::uint32_t n = 128, i = 0, bias = 72;
  std::array<char32_t, 63> out{};
  std::size_t count = 0, at = 0;
  if (const std::size_t hyphen = encoded.rfind('-'); hyphen != std::string_view::npos) {
    if (hyphen == 0 || hyphen > out.size()) return false;
    for (; at < hyphen; ++at) out[count++] = static_cast<unsigned char>(encoded[at]);
    ++at;
  }
  while (at < encoded.size()) {
    const std::uint32_t before = i;
    std::uint64_t weight = 1, sum = i;
    for (std::uint32_t k = base;; k += base) {
      if (at == encoded.size()) return false;
      const char c = encoded[at++];
      std::uint32_t digit;
      if (c >= 'a' && c <= 'z') {
        digit = static_cast<std::uint32_t>(c - 'a');
      } else if (c >= '0' && c <= '9') {
        digit = static_cast<std::uint32_t>(26 + c - '0');
      } else {
        return false;
      }
      sum += digit * weight;
      const std::uint32_t t = k <= bias ? t_min : k >= bias + t_max ? t_max : k - bias;
      if (digit < t) break;
      weight *= base - t;
      // Beyond 32 bits it is no number of the encoding (RFC 3492, 6.4).
      if (weight > UINT32_MAX || sum > UINT32_MAX) return false;
    }
    if (sum > UINT32_MAX || count == out.size()) return false;
    const auto points = static_cast<std::uint32_t>(count + 1);
    i = static_cast<std::uint32_t>(sum);
    std::uint32_t delta = (i - before) / (before == 0 ? damp : 2);
    delta += delta / points;
    bias = 0;
    for (; delta > (base - t_min) * t_max / 2; bias += base) delta /= base - t_min;
    bias += (base - t_min + 1) * delta / (delta + skew);
    if (i / points > 0x10ffff - n) return false;
    n += i / points;
    if (n >= 0xd800 && n <= 0xdfff) return false;  // Surrogates are no characters.
    i %= points;
    std::copy_backward(out.begin() + i, out.begin() + static_cast<std::ptrdiff_t>(count),
                       out.begin() + static_cast<std::ptrdiff_t>(count) + 1);
    out[i++] = n;
    ++count;
  }
  decoded.clear();
  for (std::size_t k = 0; k < count; ++k) decoded.push(out[k]);
  return true;
}

Skeleton skeleton_of(std::string_view label) noexcept {
  Skeleton plain;
  if (!label.starts_with("xn--") || !decode_punycode(label.substr(4), plain)) {
    plain.clear();
    for (const char c : label.substr(0, Skeleton::capacity())) plain.push(static_cast<unsigned char>(c));
  }
  Skeleton skeleton;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const char32_t c = look_of(plain[i]), next = i + 1 < plain.size() ? look_of(plain[i + 1]) : U' ';
    if ((c == U'r' && next == U'n') || (c == U'v' && next == U'v')) {
      skeleton.push(c == U'r' ? U'm' : U'w');
      ++i;
    } else {
      skeleton.push(c);
    }
  }
  return skeleton;
}

unsigned edit_distance(const Skeleton& a, const Skeleton& b, unsigned max) noexcept {
  const std::size_t rows = a.size(), columns = b.size();
  const std::size_t apart = rows > columns ? rows - columns : columns - rows;
  max = std::min(max, 8u);
  const unsigned beyond = max + 1;
  if (apart > max) return beyond;
  // Three rows of the table; outside of the band around its diagonal everything is beyond.
  std::array<std::array<unsigned, 64>, 3> table;
  for (auto& row : table) row.fill(beyond);
  for (std::size_t j = 0; j <= std::min<std::size_t>(columns, max); ++j) table[0][j] = static_cast<unsigned>(j);
  for (std::size_t i = 1; i <= rows; ++i) {
    const auto &two_up = table[(i + 1) % 3], &up = table[(i + 2) % 3];
    auto& row = table[i % 3];
    const std::size_t first = i > max ? i - max : 0, last = std::min<std::size_t>(columns, i + max);
    if (first > 0) row[first - 1] = beyond;
    for (std::size_t j = first; j <= last; ++j) {
      if (j == 0) {
        row[0] = static_cast<unsigned>(i);
        continue;
      }
      unsigned best = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) best = std::min(best, two_up[j - 2] + 1);
      row[j] = std::min(best, beyond);
    }
    if (last < columns) row[last + 1] = beyond;
  }
  return table[rows % 3][columns];
}

}  // namespace tsujiban::detect
