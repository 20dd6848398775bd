#include "config/csv.h"

#include <algorithm>
#include <vector>

namespace tsujiban::config {
namespace {

// A cell of one row: where it begins, and its text as a part of the file.
struct Cell {
  std::uint32_t line = 0, column = 0;
  std::uint32_t text_at = 0, text_size = 0;
};

class TableReader {
 public:
  TableReader(Context& context, std::string& bytes, std::uint32_t file, const TableKind& kind)
      : context_(context), bytes_(bytes), file_(file), kind_(kind) {}

  void read(const std::function<void(const Value&)>& each) {
    if (bytes_.starts_with("\xef\xbb\xbf")) at_ = line_begin_ = 3;
    bool has_header = false;
    for (bool row_read = false; next_row(row_read);) {
      if (!has_header) {
        has_header = true;
        if (!row_read || !read_header()) return;
        continue;
      }
      if (row_read && check_count()) each(make_row());
    }
    if (!has_header && !stopped_) {
      context_.faults.add(
          {file_, 0, 0},
          std::string(kind_.what) + " begins with a line that names its columns; accepted: " + listed(kind_.columns));
    }
  }

 private:
  static constexpr std::size_t cells_max = MapReader::keys_max;
  static bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }

  std::string_view text_of(const Cell& cell) const noexcept {
    return std::string_view(bytes_).substr(cell.text_at, cell.text_size);
  }
  void fault(const Cell& cell, std::string message) {
    context_.faults.add({file_, cell.line, cell.column}, std::move(message));
  }
  bool at_line_end() const noexcept {
    return at_ == bytes_.size() || bytes_[at_] == '\n' ||
           (bytes_[at_] == '\r' && at_ + 1 < bytes_.size() && bytes_[at_ + 1] == '\n') ||
           (bytes_[at_] == '\r' && at_ + 1 == bytes_.size());
  }
  void new_line() noexcept {
    ++line_;
    line_begin_ = at_;
  }
  void skip_line() noexcept {
    while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
    if (at_ < bytes_.size()) ++at_;
    new_line();
  }
  Cell cell_here() const noexcept {
    return {line_, static_cast<std::uint32_t>(at_ - line_begin_) + 1, static_cast<std::uint32_t>(at_), 0};
  }

  // The cells of the next row that is no comment and not empty; false at the end. `row_read` is false when the row was
  // wrong, which is then told.
  bool next_row(bool& row_read) {
    cells_.clear();
    while (at_ < bytes_.size()) {
      if (bytes_[at_] == '#') {
        skip_line();
        continue;
      }
      const std::size_t begin = at_;
      while (at_ < bytes_.size() && is_space(bytes_[at_])) ++at_;
      if (at_line_end()) {
        skip_line();
        continue;
      }
      at_ = begin;
      row_read = read_cells();
      return !stopped_;
    }
    return false;
  }

  bool read_cells() {
    surplus_ = Cell{};
    for (;;) {
      Cell cell;
      while (at_ < bytes_.size() && is_space(bytes_[at_])) ++at_;
      if (!(at_ < bytes_.size() && bytes_[at_] == '"' ? read_quoted(cell) : read_plain(cell))) return false;
      if (cells_.size() < cells_max) {
        cells_.push_back(cell);
      } else if (surplus_.line == 0) {
        surplus_ = cell;
      }
      if (at_line_end()) {
        skip_line();
        return true;
      }
      ++at_;  // The comma.
    }
  }

  bool read_plain(Cell& cell) {
    cell = cell_here();
    while (!at_line_end() && bytes_[at_] != ',') {
      if (bytes_[at_] == '"') {
        fault(cell_here(), "a quote in the middle of a cell; quote the whole cell, and write a quote in it twice");
        skip_line();
        return false;
      }
      ++at_;
    }
    std::size_t end = at_;
    while (end > cell.text_at && is_space(bytes_[end - 1])) --end;
    cell.text_size = static_cast<std::uint32_t>(end - cell.text_at);
    return true;
  }

  bool read_quoted(Cell& cell) {
    cell = cell_here();
    std::size_t to = ++at_;
    cell.text_at = static_cast<std::uint32_t>(at_);
    for (;; ++at_) {
      if (at_ == bytes_.size()) {
        fault(cell, "the quote that begins here is never closed; the rest of the file was not read");
        stopped_ = true;
        return false;
      }
      if (bytes_[at_] == '"') {
        ++at_;
        if (at_ == bytes_.size() || bytes_[at_] != '"') break;
      }
      bytes_[to++] = bytes_[at_];
      if (bytes_[at_] == '\n') {
        ++at_;
        new_line();
        --at_;
      }
    }
    cell.text_size = static_cast<std::uint32_t>(to - cell.text_at);
    while (at_ < bytes_.size() && is_space(bytes_[at_])) ++at_;
    if (at_line_end() || bytes_[at_] == ',') return true;
    fault(cell_here(),
          "after a closing quote a comma or the end of the line is accepted; a quote in a cell is written twice");
    skip_line();
    return false;
  }

  bool read_header() {
    bool right = true;
    const std::string accepted = "; accepted: " + listed(kind_.columns);
    const auto wrong_column = [&](const Cell& cell, std::string message) {
      fault(cell, std::move(message));
      right = false;
    };
    if (surplus_.line != 0) {
      wrong_column(surplus_, "more than " + std::to_string(cells_max) + " columns");
      return false;
    }
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Cell& cell = cells_[i];
      const std::string_view name = text_of(cell);
      if (std::find(kind_.columns.begin(), kind_.columns.end(), name) == kind_.columns.end()) {
        const bool other = name.find_first_of(";\t") != std::string_view::npos;
        wrong_column(cell, "unknown column " + in_quotes(name) + " in " + std::string(kind_.what) +
                               (other ? std::string("; columns are separated by commas")
                                      : context_.suggestions.among(name, kind_.columns)) +
                               accepted);
        continue;
      }
      const auto first = std::find_if(cells_.begin(), cells_.begin() + static_cast<std::ptrdiff_t>(i),
                                      [&](const Cell& other) { return text_of(other) == name; });
      if (first != cells_.begin() + static_cast<std::ptrdiff_t>(i))
        wrong_column(cell, "the column " + in_quotes(name) + " is here twice; the first is column " +
                               std::to_string(first->column) + " of the line");
    }
    for (const std::string_view name : kind_.needed) {
      if (std::none_of(cells_.begin(), cells_.end(), [&](const Cell& cell) { return text_of(cell) == name; }))
        wrong_column(cells_[0], std::string(kind_.what) + " needs the column " + in_quotes(name) + accepted);
    }
    header_ = cells_;
    for (const Cell& cell : header_)
      is_list_.push_back(std::find(kind_.lists.begin(), kind_.lists.end(), text_of(cell)) != kind_.lists.end());
    return right;
  }

  bool check_count() {
    const bool surplus = surplus_.line != 0 || cells_.size() > header_.size();
    if (!surplus && cells_.size() == header_.size()) return true;
    const Cell& at = !surplus ? cells_[0] : cells_.size() > header_.size() ? cells_[header_.size()] : surplus_;
    const std::string count = std::to_string(cells_.size()) + (cells_.size() == 1 ? " cell" : " cells");
    fault(at, "the row has " + (surplus_.line != 0 ? "more than " + count : count) + ", the first line names " +
                  std::to_string(header_.size()) + " columns" +
                  (surplus ? "; a cell that holds a comma stands in quotes" : ""));
    return false;
  }

  // The row as a map: its cells as values, several of one cell as a list.
  Value make_row() {
    row_.restart(bytes_);
    std::uint32_t last = 0, last_item = 0;
    const auto node = [](const Cell& cell, NodeKind kind) {
      Node out;
      out.line = cell.line;
      out.column = cell.column;
      out.text_at = cell.text_at;
      out.text_size = cell.text_size;
      out.kind = kind;
      return out;
    };
    row_.add_child(0, last, node({cells_[0].line, 1, 0, 0}, NodeKind::map));
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Cell& cell = cells_[i];
      if (cell.text_size == 0) continue;
      row_.add_child(0, last, node(header_[i], NodeKind::scalar));
      if (!is_list_[i] || text_of(cell).find(';') == std::string_view::npos) {
        row_.add_child(0, last, node(cell, NodeKind::scalar));
        continue;
      }
      const std::uint32_t list = row_.add_child(0, last, node(cell, NodeKind::list));
      const std::size_t end = std::size_t{cell.text_at} + cell.text_size;
      for (std::size_t from = cell.text_at; from <= end;) {
        std::size_t to = std::min(bytes_.find(';', from), end);
        const std::size_t after = to + 1;
        while (from < to && is_space(bytes_[from])) ++from;
        while (to > from && is_space(bytes_[to - 1])) --to;
        const std::uint32_t column = cell.column + static_cast<std::uint32_t>(from - cell.text_at) +
                                     (cell.text_at > 0 && bytes_[cell.text_at - 1] == '"' ? 1 : 0);
        row_.add_child(
            list, last_item,
            node({cell.line, column, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to - from)},
                 NodeKind::scalar));
        from = after;
      }
    }
    return {&row_, &row_.root(), file_};
  }

  Context& context_;
  std::string& bytes_;
  std::uint32_t file_;
  const TableKind& kind_;
  std::size_t at_ = 0, line_begin_ = 0;
  std::uint32_t line_ = 1;
  bool stopped_ = false;
  std::vector<Cell> cells_, header_;
  Cell surplus_;  // The first cell beyond `cells_max`; line 0: there is none.
  std::vector<bool> is_list_;
  Tree row_;
};

}  // namespace

void read_table(Context& context, std::string& bytes, std::uint32_t file, const TableKind& kind,
                const std::function<void(const Value& row)>& each) {
  if (bytes.size() > table_bytes_max) {
    context.faults.add({file, 0, 0}, "the file is larger than 512 MiB; split it into several");
    return;
  }
  if (!check_text(bytes, file, context.faults)) return;
  TableReader(context, bytes, file, kind).read(each);
}

std::size_t rows_at_most(std::string_view bytes) {
  return static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n')) + 1;
}

}  // namespace tsujiban::config
