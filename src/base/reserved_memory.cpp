#include "base/reserved_memory.h"

#include <sys/mman.h>

#include <new>

namespace tsujiban {

ReservedMemory::ReservedMemory(std::size_t bytes, bool huge_pages) {
  if (bytes == 0) return;
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  // Advice only: where the kernel has no huge pages the table works with small ones.
  if (huge_pages) madvise(at, bytes, MADV_HUGEPAGE);
  data_ = static_cast<std::uint8_t*>(at);
  size_ = bytes;
}

ReservedMemory::~ReservedMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace tsujiban
