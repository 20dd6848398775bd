#include "policy/prefix_table.h"

#include <array>
#include <bit>

#include "base/check.h"

namespace tsujiban::policy {

PrefixTable::PrefixTable(const std::vector<Row>& rows, HashSeed seed) : seed_(seed) {
  slots_.assign(std::bit_ceil(rows.size() * 2 + 1), Slot{});
  mask_ = slots_.size() - 1;
  std::array<std::array<bool, lengths_max>, 2> has_length{};
  for (const Row& row : rows) {
    TSUJIBAN_CHECK(row.value != 0);
    const bool v4 = row.prefix.address.is_v4();
    has_length[v4 ? 1 : 0][row.prefix.length] = true;
    std::size_t i = slot_of(row.scope, row.prefix.address, row.prefix.length);
    while (slots_[i].value != 0 && !(slots_[i].scope == row.scope && slots_[i].address == row.prefix.address &&
                                     slots_[i].length == row.prefix.length)) {
      i = (i + 1) & mask_;
    }
    if (slots_[i].value == 0) slots_[i] = {row.scope, row.prefix.address, row.value, row.prefix.length};
  }
  for (std::size_t family = 0; family < 2; ++family) {
    for (std::size_t length = lengths_max; length-- > 0;) {
      if (has_length[family][length]) lengths_[family].push(static_cast<std::uint8_t>(length));
    }
  }
}

}  // namespace tsujiban::policy
