#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tsujiban::capture {

// A file mapped for reading, which somebody else may cut meanwhile. Touching what is not there any more raises SIGBUS,
// which would end the program: a handler, installed with the first mapping, puts zeros in its place and notes it here.
// A SIGBUS of any other cause goes to whoever handled it before.
class MappedFile {
 public:
  static constexpr std::size_t files_max = 64;  // At a time, in the process.

  // Takes over `descriptor` where it succeeds. Null where the file cannot be mapped, or `files_max` are.
  static std::unique_ptr<MappedFile> map(int descriptor, std::size_t bytes);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::uint8_t* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  // Of the bytes mapped, so many are still in the file.
  std::size_t size_now() const noexcept;
  // A byte was asked for that could not be had: zeros were read in its place.
  bool is_holed() const noexcept { return place_->holed.load(std::memory_order_relaxed); }

 private:
  struct Place {
    std::atomic<bool> taken{false}, holed{false};
    std::atomic<std::uintptr_t> begin{0};  // 0: not to be looked at.
    std::atomic<std::size_t> size{0};
  };
  static Place places_[files_max];
  static bool install() noexcept;
  static void fault(int signal, void* info, void* context) noexcept;

  MappedFile() = default;
  Place* place_ = nullptr;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;
};

}  // namespace tsujiban::capture
