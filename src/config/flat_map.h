#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/large_vector.h"

namespace tsujiban::config {

// A hash map in one piece of memory, for the millions of names and addresses of one load: a node of its own for each
// would take three times the room and the time. Nothing is ever erased. A pointer holds until the next addition.
template <class Key, class Value, class Hash>
class FlatMap {
 public:
  Value* find(const Key& key) noexcept {
    if (slots_.empty()) return nullptr;
    Slot& slot = slots_[index_of(key)];
    return slot.used ? &slot.value : nullptr;
  }
  // The value of the key, and whether it was added now.
  std::pair<Value*, bool> try_emplace(const Key& key, const Value& value) {
    if (count_ * 4 >= slots_.size() * 3) grow();
    Slot& slot = slots_[index_of(key)];
    if (slot.used) return {&slot.value, false};
    slot = {key, value, true};
    ++count_;
    return {&slot.value, true};
  }
  std::size_t size() const noexcept { return count_; }

 private:
  struct Slot {
    Key key{};
    Value value{};
    bool used = false;
  };
  static constexpr std::size_t slots_min = 64;

  // The slot of the key, or the empty one where it belongs; a quarter of them is always empty.
  std::size_t index_of(const Key& key) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = Hash()(key) & mask;
    while (slots_[at].used && !(slots_[at].key == key)) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    LargeVector<Slot> old(slots_.empty() ? slots_min : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.used) slots_[index_of(slot.key)] = slot;
    }
  }

  LargeVector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace tsujiban::config
