#pragma once
#include <cstdint>
#include <new>
#include <type_traits>

#include "base/reserved_memory.h"

namespace tsujiban {

// Fixed-size slots named by 32-bit index; index 0 is "none". Address space for `capacity` slots is reserved at start,
// memory is touched as slots are first used, freed slots are reused first (last in, first out). Never allocates after
// construction; `allocate` returns 0 when full. Slots are raw storage for trivially destructible T.
template <class T>
class Pool {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  // `huge_pages` for what is visited at random by every packet: a miss of the address translation costs more than the
  // memory's own, the more so in a virtual machine.
  explicit Pool(std::uint32_t capacity, ReservedMemory::Pages pages = ReservedMemory::Pages::growing)
      : memory_(sizeof(T) * (std::size_t{capacity} + 1), pages), capacity_(capacity) {}
  std::uint32_t allocate() noexcept {
    std::uint32_t index = free_;
    if (index != 0) {
      free_ = *link(index);
    } else {
      if (used_high_ == capacity_) return 0;
      index = ++used_high_;
    }
    ++size_;
    new (slot(index)) T();
    return index;
  }
  void release(std::uint32_t index) noexcept {
    *link(index) = free_;
    free_ = index;
    --size_;
  }
  T& operator[](std::uint32_t index) noexcept { return *slot(index); }
  const T& operator[](std::uint32_t index) const noexcept { return *slot(index); }
  std::uint32_t size() const noexcept { return size_; }
  // Slots 1 to used_high() have been in use at some time.
  std::uint32_t used_high() const noexcept { return used_high_; }
  std::uint32_t capacity() const noexcept { return capacity_; }

 private:
  static_assert(sizeof(T) >= sizeof(std::uint32_t));
  T* slot(std::uint32_t index) const noexcept { return memory_.template as<T>() + index; }
  std::uint32_t* link(std::uint32_t index) const noexcept { return reinterpret_cast<std::uint32_t*>(slot(index)); }

  ReservedMemory memory_;
  std::uint32_t capacity_;
  std::uint32_t used_high_ = 0;
  std::uint32_t free_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace tsujiban
