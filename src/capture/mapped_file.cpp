#include "capture/mapped_file.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tsujiban::capture {
namespace {

// Set before any file is mapped, and not again.
struct sigaction before {};
std::uintptr_t page_bytes = 0;

}  // namespace

MappedFile::Place MappedFile::places_[files_max];
std::mutex MappedFile::registry_;

// Runs where any thread stood: nothing but what signals may call.
void MappedFile::fault(int signal, void* info, void* context) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(static_cast<siginfo_t*>(info)->si_addr);
  for (Place& place : places_) {
    const std::uintptr_t begin = place.begin.load(std::memory_order_acquire);
    if (begin == 0 || at < begin || at - begin >= place.size.load(std::memory_order_relaxed)) continue;
    const int error = errno;
    place.holed.store(true, std::memory_order_relaxed);
    void* const page = static_cast<siginfo_t*>(info)->si_addr;
    void* const aligned = static_cast<std::uint8_t*>(page) - at % page_bytes;
    const bool done =
        mmap(aligned, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    errno = error;
    if (done) return;
  }
  if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(signal, static_cast<siginfo_t*>(info), context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(signal);
  // Ends the program as soon as this returns, as it would have without it.
  sigaction(signal, &before, nullptr);
  raise(signal);
}

bool MappedFile::install() noexcept {
  page_bytes = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = [](int signal, siginfo_t* info, void* context) { fault(signal, info, context); };
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, nullptr, &before) == 0 && sigaction(SIGBUS, &action, nullptr) == 0;
}

std::shared_ptr<MappedFile> MappedFile::map(int descriptor, std::size_t bytes) {
  static const bool installed = install();
  struct stat status {};
  if (!installed || fstat(descriptor, &status) != 0) return nullptr;
  const std::lock_guard lock(registry_);
  for (Place& one : places_) {
    if (one.begin.load(std::memory_order_relaxed) == 0 || one.device != status.st_dev || one.inode != status.st_ino ||
        one.size.load(std::memory_order_relaxed) != bytes || one.holed.load(std::memory_order_relaxed))
      continue;
    if (std::shared_ptr<MappedFile> file = one.file.lock(); file != nullptr) {
      close(descriptor);
      return file;
    }
  }
  Place* const place =
      std::find_if(std::begin(places_), std::end(places_), [](Place& one) { return !one.taken.exchange(true); });
  if (place == std::end(places_)) return nullptr;
  void* const at = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED) {
    place->taken.store(false);
    return nullptr;
  }
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->place_ = place;
  file->data_ = static_cast<std::uint8_t*>(at);
  file->size_ = bytes;
  file->descriptor_ = descriptor;
  place->device = status.st_dev;
  place->inode = status.st_ino;
  place->file = file;
  place->holed.store(false, std::memory_order_relaxed);
  place->size.store(bytes, std::memory_order_relaxed);
  place->begin.store(reinterpret_cast<std::uintptr_t>(at), std::memory_order_release);
  madvise(at, bytes, MADV_SEQUENTIAL);  // Advice only.
  return file;
}

MappedFile::~MappedFile() {
  const std::lock_guard lock(registry_);
  place_->begin.store(0, std::memory_order_release);
  place_->file.reset();
  munmap(data_, size_);
  close(descriptor_);
  place_->taken.store(false);
}

std::size_t MappedFile::size_now() const noexcept {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) return size_;
  return std::min(size_, static_cast<std::size_t>(std::max<off_t>(status.st_size, 0)));
}

MappedWalk::MappedWalk(std::shared_ptr<MappedFile> file) : file_(std::move(file)) {
  const std::lock_guard lock(file_->walks_);
  auto& done = file_->done_;
  index_ = static_cast<std::size_t>(std::find(done.begin(), done.end(), MappedFile::nobody) - done.begin());
  if (index_ == done.size()) done.push_back(0);
  done[index_] = 0;
}

MappedWalk::~MappedWalk() {
  const std::lock_guard lock(file_->walks_);
  file_->done_[index_] = MappedFile::nobody;
}

bool MappedWalk::bring_in(std::size_t from, std::size_t to, std::size_t ahead) noexcept {
  {
    const std::lock_guard lock(file_->walks_);
    if (from >= file_->gone_ && to <= file_->there_) return true;
    // From now on others leave it to this one. Who comes to a page before it is there waits for it in a page fault.
    file_->there_ = std::max(file_->there_, to);
  }
  if (ahead != 0) madvise(file_->data_ + to, ahead, MADV_WILLNEED);
  return madvise(file_->data_ + from, to - from, MADV_POPULATE_READ) == 0 || errno == EINVAL || errno == EINTR ||
         errno == EAGAIN;
}

void MappedWalk::done_with(std::size_t to) noexcept {
  const std::lock_guard lock(file_->walks_);
  std::size_t& mine = file_->done_[index_];
  if (to <= mine) return;
  const std::size_t from = std::exchange(mine, to), gone = file_->gone_;
  const auto give_back = [this](std::size_t begin, std::size_t end) {
    if (end > begin) madvise(file_->data_ + begin, end - begin, MADV_DONTNEED);
  };
  // What was given back already came in for this one alone.
  give_back(from, std::min(to, gone));
  const std::size_t least = *std::min_element(file_->done_.begin(), file_->done_.end());
  file_->gone_ = std::max({gone, least, to > apart_bytes_max ? to - apart_bytes_max : 0});
  give_back(gone, file_->gone_);
}

}  // namespace tsujiban::capture
