#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tsujiban::output {

// Columns that `text` takes on a terminal: East Asian wide and fullwidth characters (UAX #11) take two, combining marks
// none, everything else one. Bytes that are not UTF-8 count one each.
std::size_t display_width(std::string_view text) noexcept;

// `text` made safe to show: control characters (C0, C1, DEL) and bytes that are not UTF-8 become `?`, so that a name
// from the wire cannot steer the terminal; cut to `columns_max`, then ending with an ellipsis.
std::string printable(std::string_view text, std::size_t columns_max = 200);

// Blanks behind, or before, so that it takes `columns`; longer text stays as it is.
std::string pad_right(std::string text, std::size_t columns);
std::string pad_left(std::string text, std::size_t columns);

std::string with_thousands(std::uint64_t value);  // 1,234,567
std::string bytes_text(std::uint64_t bytes);      // 512 B, 1.2 KiB, 3.4 GiB
std::string duration_text(double seconds);        // 850 us, 12.3 s, 2 h 03 min, 3 d 04 h

}  // namespace tsujiban::output
