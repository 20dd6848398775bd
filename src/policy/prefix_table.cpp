#include "policy/prefix_table.h"

#include <bit>

#include "base/check.h"

namespace tsujiban::policy {

PrefixTable::PrefixTable(const std::vector<Row>& rows, HashSeed seed) : seed_(seed) {
  HasLength has_length{};
  reserve(rows.size());
  for (const Row& row : rows) add(row, has_length);
  set_lengths(has_length);
}

PrefixTable::PrefixTable(std::span<const IpPrefix> prefixes, std::uint32_t first_value, HashSeed seed) : seed_(seed) {
  HasLength has_length{};
  reserve(prefixes.size());
  for (std::size_t i = 0; i < prefixes.size(); ++i)
    add({0, prefixes[i], first_value + static_cast<std::uint32_t>(i)}, has_length);
  set_lengths(has_length);
}

void PrefixTable::reserve(std::size_t rows) {
  slots_.assign(std::bit_ceil(rows * 2 + 1), Slot{});
  mask_ = slots_.size() - 1;
}

void PrefixTable::add(const Row& row, HasLength& has_length) noexcept {
  TSUJIBAN_CHECK(row.value != 0);
  has_length[row.prefix.address.is_v4() ? 1 : 0][row.prefix.length] = true;
  std::size_t i = slot_of(row.scope, row.prefix.address, row.prefix.length);
  while (slots_[i].value != 0 && !(slots_[i].scope == row.scope && slots_[i].address == row.prefix.address &&
                                   slots_[i].length == row.prefix.length)) {
    i = (i + 1) & mask_;
  }
  if (slots_[i].value == 0) slots_[i] = {row.scope, row.prefix.address, row.value, row.prefix.length};
}

void PrefixTable::set_lengths(const HasLength& has_length) noexcept {
  for (std::size_t family = 0; family < 2; ++family) {
    for (std::size_t length = lengths_max; length-- > 0;) {
      if (has_length[family][length]) lengths_[family].push(static_cast<std::uint8_t>(length));
    }
  }
}

}  // namespace tsujiban::policy
