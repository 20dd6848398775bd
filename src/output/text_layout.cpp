#include "output/text_layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>

namespace tsujiban::output {
namespace {

struct Range {
  char32_t first, last;
};
// Coarse, whole blocks of UAX #11 "W" and "F"; enough for names and messages in Japanese, Chinese and Korean.
constexpr Range wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
                          {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},
                          {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
                          {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
constexpr Range zero[] = {{0x0300, 0x036F}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2069},
                          {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}};

template <std::size_t N>
bool in(const Range (&ranges)[N], char32_t c) noexcept {
  return std::any_of(std::begin(ranges), std::end(ranges), [c](const Range& r) { return c >= r.first && c <= r.last; });
}

// The character at the front of `text` (RFC 3629), its length in `length`; U+FFFFFFFF and length 1 when it is none.
constexpr char32_t no_character = 0xFFFFFFFF;
char32_t character_at(std::string_view text, std::size_t& length) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char c = byte(0);
  length = 1;
  if (c < 0x80) return c;
  const std::size_t size = c >= 0xF0 && c <= 0xF4 ? 4 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xC2 && c < 0xE0 ? 2 : 0;
  if (size == 0 || text.size() < size) return no_character;
  char32_t value = c & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return no_character;
    value = value << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return no_character;
  length = size;
  return value;
}

std::size_t width_of(char32_t c) noexcept { return in(zero, c) ? 0 : in(wide, c) ? 2 : 1; }

// Marks that turn the direction of what follows (UAX #9) can make a line read as something else.
bool is_control(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
         c == no_character;
}

}  // namespace

std::size_t display_width(std::string_view text) noexcept {
  std::size_t columns = 0, length = 0;
  for (; !text.empty(); text.remove_prefix(length)) columns += width_of(character_at(text, length));
  return columns;
}

std::string printable(std::string_view text, std::size_t columns_max) {
  std::string out;
  std::size_t columns = 0, length = 0, cut_at = 0, marks = 0;
  for (; !text.empty(); text.remove_prefix(length)) {
    const char32_t c = character_at(text, length);
    const std::size_t width = is_control(c) ? 1 : width_of(c);
    // A pile of combining marks would make one column endlessly long.
    marks = width == 0 ? marks + 1 : 0;
    if (marks > 4) continue;
    if (columns + width > columns_max) {
      out.resize(cut_at);
      return out + "…";
    }
    if (columns + 1 <= columns_max)
      cut_at = columns + width < columns_max ? out.size() + (is_control(c) ? 1 : length) : out.size();
    columns += width;
    if (is_control(c))
      out += '?';
    else
      out.append(text.substr(0, length));
    if (columns < columns_max) cut_at = out.size();
  }
  return out;
}

std::string pad_right(std::string text, std::size_t columns) {
  const std::size_t width = display_width(text);
  if (width < columns) text.append(columns - width, ' ');
  return text;
}

std::string pad_left(std::string text, std::size_t columns) {
  const std::size_t width = display_width(text);
  if (width < columns) text.insert(0, columns - width, ' ');
  return text;
}

std::string with_thousands(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 7> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < units.size()) value /= 1024, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

std::string duration_text(double seconds) {
  char text[48];
  const double s = std::fabs(seconds);
  const char* sign = seconds < 0 ? "-" : "";
  if (s < 1e-3) {
    std::snprintf(text, sizeof text, "%s%.0f us", sign, s * 1e6);
  } else if (s < 1) {
    std::snprintf(text, sizeof text, "%s%.0f ms", sign, s * 1e3);
  } else if (s < 120) {
    std::snprintf(text, sizeof text, "%s%.1f s", sign, s);
  } else {
    const auto minutes = static_cast<unsigned long long>(s / 60);
    if (minutes < 60)
      std::snprintf(text, sizeof text, "%s%llu min %02llu s", sign, minutes, static_cast<unsigned long long>(s) % 60);
    else if (minutes < 48 * 60)
      std::snprintf(text, sizeof text, "%s%llu h %02llu min", sign, minutes / 60, minutes % 60);
    else
      std::snprintf(text, sizeof text, "%s%llu d %02llu h", sign, minutes / 1440, minutes / 60 % 24);
  }
  return text;
}

}  // namespace tsujiban::output
