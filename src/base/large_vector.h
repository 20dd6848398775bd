#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace tsujiban {

// Memory for tables of millions of rows that are asked for at random. With small pages nearly every look-up would first
// have to find out where its page lies, in a table of pages that is itself too large for the cache; so what is large
// lies on huge pages' borders, and the kernel is advised to use them. Smaller blocks are the usual ones.
template <class T>
class LargeAllocator {
 public:
  using value_type = T;
  static constexpr std::size_t page_bytes = std::size_t{2} << 20;  // A huge page.
  static constexpr std::size_t bytes_min = 2 * page_bytes;         // Of a block that is large.

  LargeAllocator() noexcept = default;
  template <class U>
  LargeAllocator(const LargeAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    if (count < count_min) return std::allocator<T>{}.allocate(count);
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    const std::size_t bytes = count * sizeof(T);
    void* const at = ::operator new (bytes, std::align_val_t{page_bytes});
    madvise(at, bytes, MADV_HUGEPAGE);  // Advice only.
    return static_cast<T*>(at);
  }
  void deallocate(T* at, std::size_t count) noexcept {
    if (count < count_min)
      std::allocator<T>{}.deallocate(at, count);
    else
      ::operator delete (at, std::align_val_t{page_bytes});
  }
  template <class U>
  bool operator==(const LargeAllocator<U>&) const noexcept {
    return true;
  }

 private:
  static constexpr std::size_t count_min = (bytes_min + sizeof(T) - 1) / sizeof(T);
};

template <class T>
using LargeVector = std::vector<T, LargeAllocator<T>>;

}  // namespace tsujiban
