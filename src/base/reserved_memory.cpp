#include "base/reserved_memory.h"

#include <sys/mman.h>

#include <new>

namespace tsujiban {
namespace {

constexpr std::size_t huge_page_bytes = 2u << 20;

}  // namespace

ReservedMemory::ReservedMemory(std::size_t bytes, Pages pages) {
  if (bytes == 0) return;
  const std::size_t small_bytes = pages == Pages::growing ? huge_page_bytes : 0;
  const bool huge_pages = pages != Pages::small && bytes > small_bytes;
  // Huge pages need their own alignment: what is left before and behind it is given back at once.
  const std::size_t slack = huge_pages ? huge_page_bytes : 0;
  void* at = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::uint8_t*>(at);
  size_ = bytes;
  if (!huge_pages) return;
  const std::size_t before =
      (huge_page_bytes - reinterpret_cast<std::uintptr_t>(at) % huge_page_bytes) % huge_page_bytes;
  if (before != 0) munmap(at, before);
  data_ += before;
  const std::size_t page = 4096, end = (bytes + page - 1) / page * page;
  if (slack - before != 0 && end < bytes + slack - before) munmap(data_ + end, bytes + slack - before - end);
  // Advice only: where the kernel has no huge pages the table works with small ones.
  madvise(data_ + small_bytes, bytes - small_bytes, MADV_HUGEPAGE);
}

ReservedMemory::~ReservedMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace tsujiban
