#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "config/reader.h"

namespace tsujiban::config {

// One table may be larger than one file of YAML: it is read row by row.
inline constexpr std::uint64_t table_bytes_max = std::uint64_t{512} << 20;

// A table's columns are the keys of the map that one row stands for.
struct TableKind {
  std::string_view what;                      // "a table of assets".
  std::span<const std::string_view> columns;  // All that are known.
  std::span<const std::string_view> lists;    // Those whose cells may hold several, separated by ";".
  std::span<const std::string_view> needed;   // Those without which no row can be read.
};

// Reads a table in CSV: RFC 4180 with its quotes and CRLF, and besides a byte order mark, empty lines, and lines of
// comment that begin with "#". The first line names the columns, in any order. Spaces around a cell without quotes do
// not count; an empty cell is an absent key. `each` gets one map a row, which holds until it returns. Every row that
// cannot be read is told and left out. `bytes` is changed: doubled quotes become one where they stand.
void read_table(Context& context, std::string& bytes, std::uint32_t file, const TableKind& kind,
                const std::function<void(const Value& row)>& each);
// At most this many rows are in `bytes`: how much room to make.
std::size_t rows_at_most(std::string_view bytes);

}  // namespace tsujiban::config
