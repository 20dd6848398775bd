#include "capture/mapped_file.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tsujiban::capture {
namespace {

// Set before any file is mapped, and not again.
struct sigaction before {};
std::uintptr_t page_bytes = 0;

}  // namespace

MappedFile::Place MappedFile::places_[files_max];

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

std::unique_ptr<MappedFile> MappedFile::map(int descriptor, std::size_t bytes) {
  static const bool installed = install();
  if (!installed) return nullptr;
  Place* const place =
      std::find_if(std::begin(places_), std::end(places_), [](Place& one) { return !one.taken.exchange(true); });
  if (place == std::end(places_)) return nullptr;
  void* const at = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED) {
    place->taken.store(false);
    return nullptr;
  }
  std::unique_ptr<MappedFile> file(new MappedFile);
  file->place_ = place;
  file->data_ = static_cast<std::uint8_t*>(at);
  file->size_ = bytes;
  file->descriptor_ = descriptor;
  place->holed.store(false, std::memory_order_relaxed);
  place->size.store(bytes, std::memory_order_relaxed);
  place->begin.store(reinterpret_cast<std::uintptr_t>(at), std::memory_order_release);
  return file;
}

MappedFile::~MappedFile() {
  place_->begin.store(0, std::memory_order_release);
  munmap(data_, size_);
  close(descriptor_);
  place_->taken.store(false);
}

std::size_t MappedFile::size_now() const noexcept {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) return size_;
  return std::min(size_, static_cast<std::size_t>(std::max<off_t>(status.st_size, 0)));
}

}  // namespace tsujiban::capture
