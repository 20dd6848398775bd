#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Finds the next byte of a class in text, sixteen bytes at a time where the machine can.
namespace tsujiban::http {

// Each class says of one byte, and of sixteen, whether it is in it.
struct LineEnds {  // CR and LF.
  static bool has(char c) noexcept { return c == '\r' || c == '\n'; }
#if defined(__SSE2__)
  static __m128i have(__m128i bytes) noexcept {
    return _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
  }
#endif
};
struct BlanksAndControls {  // Up to and with the space.
  static bool has(char c) noexcept { return static_cast<unsigned char>(c) <= ' '; }
#if defined(__SSE2__)
  static __m128i have(__m128i bytes) noexcept { return up_to(bytes, ' '); }
  static __m128i up_to(__m128i bytes, char last) noexcept {
    return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(last)), bytes);
  }
#endif
};
struct NoNameBytes {  // Anything but letters, digits and "-", of which almost every header's name is.
  static bool has(char c) noexcept {
    const auto letter = static_cast<unsigned char>((c | 0x20) - 'a'), digit = static_cast<unsigned char>(c - '0');
    return letter > 25 && digit > 9 && c != '-';
  }
#if defined(__SSE2__)
  static __m128i have(__m128i bytes) noexcept {
    const __m128i letters = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    const __m128i digits = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    const __m128i named =
        _mm_or_si128(_mm_or_si128(BlanksAndControls::up_to(letters, 25), BlanksAndControls::up_to(digits, 9)),
                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
    return _mm_cmpeq_epi8(named, _mm_setzero_si128());
  }
#endif
};

// Text between two places. Nothing outside of it is read.
class Scan {
 public:
  static constexpr std::size_t bytes_min = 16;  // Of `begin` to `end`.
  Scan(const char* begin, const char* end) noexcept : begin_(begin), end_(end) {}
  const char* begin() const noexcept { return begin_; }
  const char* end() const noexcept { return end_; }

  // The first byte of the class from `at` on; the end where there is none.
  template <class Class>
  const char* find(const char* at) const noexcept {
#if defined(__SSE2__)
    for (; end_ - at >= 16; at += 16) {
      if (const unsigned found = marks<Class>(at); found != 0) return at + __builtin_ctz(found);
    }
    if (at == end_) return end_;
    // The last sixteen, without those that come before `at`.
    const unsigned found = marks<Class>(end_ - 16) >> (16 - (end_ - at));
    return found != 0 ? at + __builtin_ctz(found) : end_;
#else
    while (at != end_ && !Class::has(*at)) ++at;
    return at;
#endif
  }

 private:
#if defined(__SSE2__)
  template <class Class>
  static unsigned marks(const char* at) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    return static_cast<unsigned>(_mm_movemask_epi8(Class::have(bytes)));
  }
#endif
  const char *begin_, *end_;
};

}  // namespace tsujiban::http
