#pragma once
#include "base/bytes.h"

namespace tsujiban::tls {

// The universal tags that certificates are made of (X.690, 8; X.680, 8.6).
namespace der_tag {
inline constexpr std::uint8_t boolean = 0x01, integer = 0x02, bit_string = 0x03, octet_string = 0x04, null = 0x05,
                              oid = 0x06, utf8_string = 0x0C, numeric_string = 0x12, printable_string = 0x13,
                              t61_string = 0x14, videotex_string = 0x15, ia5_string = 0x16, utc_time = 0x17,
                              generalized_time = 0x18, graphic_string = 0x19, visible_string = 0x1A,
                              general_string = 0x1B, universal_string = 0x1C, bmp_string = 0x1E, sequence = 0x30,
                              set = 0x31;
}

struct DerElement {
  std::uint8_t tag = 0;  // The whole identifier octet; 0 where there is none.
  Bytes content;
  Bytes whole;  // With identifier and length.
};

// The elements of one level of DER, one after the other. It never descends: the depth is that of the code that calls
// it. Forms that DER does not have (indefinite and overlong lengths) and tags of more than one octet end it.
class DerReader {
 public:
  explicit DerReader(Bytes bytes) noexcept : rest_(bytes) {}
  bool empty() const noexcept { return rest_.empty(); }
  bool ok() const noexcept { return ok_; }
  std::uint8_t peek() const noexcept { return rest_.empty() ? std::uint8_t{0} : rest_[0]; }

  DerElement next() noexcept {
    if (!ok_ || rest_.size() < 2 || (rest_[0] & 0x1F) == 0x1F) return fail();
    std::size_t length = rest_[1], header = 2;
    if (length >= 0x80) {
      const std::size_t octets = length & 0x7F;
      if (octets == 0 || octets > 3 || rest_.size() < 2 + octets) return fail();
      length = 0;
      for (std::size_t i = 0; i < octets; ++i) length = length << 8 | rest_[2 + i];
      if (length < 0x80 || (octets > 1 && length >> (8 * (octets - 1)) == 0)) return fail();
      header += octets;
    }
    if (length > rest_.size() - header) return fail();
    const DerElement element{rest_[0], rest_.subspan(header, length), rest_.first(header + length)};
    rest_ = rest_.subspan(header + length);
    return element;
  }
  // The next element's content if it has this tag.
  Bytes take(std::uint8_t tag) noexcept {
    if (peek() != tag) return fail().content;
    return next().content;
  }

 private:
  DerElement fail() noexcept {
    ok_ = false;
    rest_ = {};
    return {};
  }
  Bytes rest_;
  bool ok_ = true;
};

}  // namespace tsujiban::tls
