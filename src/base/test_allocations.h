#pragma once
// For tests that nothing allocates: counts every allocation of the program, the libraries' too. Only one file of a
// program may include it. The sanitizers replace malloc themselves; they say of each that they make.
#include <atomic>
#include <cstdint>
#include <cstdlib>

// Clang's header declares posix_memalign without noexcept, which is allowed before the definition below only.
#if defined(__clang__) && __has_include(<mm_malloc.h>)
#include <mm_malloc.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define TSUJIBAN_MALLOC_COUNTED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TSUJIBAN_MALLOC_COUNTED 0
#endif
#endif
#ifndef TSUJIBAN_MALLOC_COUNTED
#define TSUJIBAN_MALLOC_COUNTED 1
#endif

namespace tsujiban {
inline std::atomic<std::uint64_t> allocations{0};
}

#if TSUJIBAN_MALLOC_COUNTED
// The C library's own names for what lies below.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t bytes) noexcept {
  tsujiban::allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  tsujiban::allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void* realloc(void* at, std::size_t bytes) noexcept {
  tsujiban::allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(at, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  tsujiban::allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return memalign(alignment, bytes); }
int posix_memalign(void** at, std::size_t alignment, std::size_t bytes) noexcept {
  *at = memalign(alignment, bytes);
  return *at == nullptr ? 12 : 0;  // ENOMEM.
}
}
#else
// Of the sanitizers' allocator_interface.h, which Debian has for clang only.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void*, std::size_t),
                                                         void (*freed)(const volatile void*));
namespace tsujiban {
inline const int counts_allocations = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { allocations.fetch_add(1, std::memory_order_relaxed); },
    [](const volatile void*) {});
}  // namespace tsujiban
#endif
