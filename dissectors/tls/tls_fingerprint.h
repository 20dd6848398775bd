#pragma once
#include <array>
#include <string_view>

#include "dissectors/tls/tls_digest.h"
#include "dissectors/tls/tls_hello.h"

namespace tsujiban::tls {

// So many suites, extensions, groups or point formats are fingerprinted; a hello with more of one has no fingerprint.
inline constexpr std::size_t fingerprint_values_max = 1024;
inline constexpr std::size_t ja4_size = 36;
using Ja4 = std::array<char, ja4_size>;

// Makes the fingerprints of hellos in memory of its own, one at a time.
class Fingerprinter {
 public:
  // The text before it is hashed; valid until the next call, empty where there is none.
  std::string_view ja3_text(const ClientHello& hello) noexcept;
  std::string_view ja3s_text(const ServerHello& hello) noexcept;
  // False where there is none.
  bool ja4(const ClientHello& hello, Ja4& to) noexcept;

 private:
  // Decimal numbers are up to five digits and a separator, of point formats three.
  static constexpr std::size_t text_max = 16 + fingerprint_values_max * (3 * 6 + 4);
  void put(std::string_view text) noexcept;
  void put_number(unsigned value) noexcept;
  bool put_pairs(Bytes pairs) noexcept;
  bool put_extensions(Bytes block, bool grease_too) noexcept;
  bool put_sorted(std::size_t count) noexcept;
  void put_hex(std::uint16_t value) noexcept;

  std::array<char, text_max> text_;
  std::size_t size_ = 0;
  std::array<std::uint16_t, fingerprint_values_max> values_;
};

}  // namespace tsujiban::tls
