#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <utility>

namespace tsujiban::config {

// A list that mostly has none or one: the first stands in the list itself, and only a second one needs the heap. A
// million allow entries are four of these each. Iterators are pointers, so `std::span` takes it; anything that adds
// to it makes them invalid.
template <class T>
class Few {
  static_assert(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>);

 public:
  Few() noexcept : one_() {}
  Few(std::initializer_list<T> items) : Few() {
    for (const T& item : items) push_back(item);
  }
  Few(const Few& other) : Few() {
    for (const T& item : other) push_back(item);
  }
  Few(Few&& other) noexcept : Few() { swap(other); }
  Few& operator=(Few other) noexcept {
    swap(other);
    return *this;
  }
  ~Few() { clear(); }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  const T* data() const noexcept { return size_ > 1 ? many_ : &one_; }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size_; }
  const T& operator[](std::size_t i) const noexcept { return data()[i]; }

  // At a power of two the room is full: there is none to remember the room's size in.
  void push_back(T item) {
    if (size_ == 0) {
      std::construct_at(&one_, item);
    } else if (std::has_single_bit(size_)) {
      T* const room = new T[std::size_t{size_} * 2];
      std::copy(begin(), end(), room);
      room[size_] = item;
      if (size_ > 1) delete[] many_;
      std::construct_at(&many_, room);
    } else {
      many_[size_] = item;
    }
    ++size_;
  }
  void clear() noexcept {
    if (size_ > 1) delete[] many_;
    size_ = 0;
    std::construct_at(&one_);
  }
  void swap(Few& other) noexcept {
    // Both kinds of content are plain bytes.
    std::byte bytes[sizeof(Few)];
    std::memcpy(bytes, static_cast<const void*>(this), sizeof(Few));
    std::memcpy(static_cast<void*>(this), static_cast<const void*>(&other), sizeof(Few));
    std::memcpy(static_cast<void*>(&other), bytes, sizeof(Few));
  }

 private:
  union {
    T one_;    // Of one, or none.
    T* many_;  // Of two and more; room for the next power of two.
  };
  std::uint32_t size_ = 0;
};

}  // namespace tsujiban::config
