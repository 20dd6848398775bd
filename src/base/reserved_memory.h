#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tsujiban {

// Address space taken once at start and filled by the kernel on first touch: a table sized for its cap costs only what
// is used. Zeroed. Throws std::bad_alloc when the address space cannot be had.
class ReservedMemory {
 public:
  // `large`: huge pages where the kernel gives them. `growing`: small ones for the first two megabytes, and huge ones
  // behind them; for what is filled from its beginning on, so that little takes little and much is not brought in by a
  // fault for each four kilobytes.
  enum class Pages : std::uint8_t { small, growing, large };

  ReservedMemory() noexcept = default;
  explicit ReservedMemory(std::size_t bytes, Pages pages = Pages::small);
  ~ReservedMemory();
  ReservedMemory(ReservedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ReservedMemory& operator=(ReservedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  std::uint8_t* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  template <class T>
  T* as() const noexcept {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tsujiban
