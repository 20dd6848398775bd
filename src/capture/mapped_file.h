#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace tsujiban::capture {

// A file mapped for reading, which somebody else may cut meanwhile. Touching what is not there any more raises SIGBUS,
// which would end the program: a handler, installed with the first mapping, puts zeros in its place and notes it here.
// A SIGBUS of any other cause goes to whoever handled it before.
//
// Who maps a file that is mapped already gets the same mapping: each worker walks a capture by itself, and its pages
// are brought in once for all of them (MappedWalk).
class MappedFile {
 public:
  static constexpr std::size_t files_max = 64;  // At a time, in the process.

  // Takes over `descriptor` where it succeeds. Null where the file cannot be mapped, or `files_max` are.
  static std::shared_ptr<MappedFile> map(int descriptor, std::size_t bytes);
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
  friend class MappedWalk;
  struct Place {
    std::atomic<bool> taken{false}, holed{false};
    std::atomic<std::uintptr_t> begin{0};  // 0: not to be looked at.
    std::atomic<std::size_t> size{0};
    // Which file it is; `registry` guards them.
    std::uint64_t device = 0, inode = 0;
    std::weak_ptr<MappedFile> file;
  };
  static Place places_[files_max];
  static std::mutex registry_;
  static bool install() noexcept;
  static void fault(int signal, void* info, void* context) noexcept;

  MappedFile() = default;
  Place* place_ = nullptr;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;
  // Of all who walk it. Each locks it once a window.
  std::mutex walks_;
  std::vector<std::size_t> done_;     // By walk: what lies before is done with; `nobody` where the walk is over.
  std::size_t there_ = 0, gone_ = 0;  // What lies between has been brought in, and not given back.
  static constexpr std::size_t nobody = SIZE_MAX;
};

// One reader's way through a mapped file. A page is brought in by the first who comes to it and given back by the last,
// so that what is resident is what lies between the readers, and little before and behind them. Of readers that are
// further apart than `apart_bytes_max` each has pages of its own, so that it stays little however far that is.
class MappedWalk {
 public:
  static constexpr std::size_t apart_bytes_max = std::size_t{32} << 20;

  explicit MappedWalk(std::shared_ptr<MappedFile> file);
  MappedWalk(const MappedWalk&) = delete;
  MappedWalk& operator=(const MappedWalk&) = delete;
  ~MappedWalk();

  MappedFile& file() const noexcept { return *file_; }
  // Multiples of the page's size, but for the end of the file. Has the bytes from `from` to `to` read, and begins to
  // read `ahead` bytes behind them. False: they cannot be had.
  bool bring_in(std::size_t from, std::size_t to, std::size_t ahead) noexcept;
  // Will not come back before `to`, a multiple of the page's size. Asked for all the same, the pages come back.
  void done_with(std::size_t to) noexcept;

 private:
  std::shared_ptr<MappedFile> file_;
  std::size_t index_ = 0;
};

}  // namespace tsujiban::capture
