#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace tsujiban::ntp {

inline constexpr std::uint16_t port_ntp = 123;

// The three low bits of the first byte (RFC 5905, 7.3, figure 10).
namespace mode {
inline constexpr std::uint8_t symmetric_active = 1, symmetric_passive = 2, client = 3, server = 4, broadcast = 5,
                              control = 6, private_use = 7;
}  // namespace mode

inline constexpr std::uint8_t version_max = 4;
inline constexpr std::uint8_t stratum_max = 16;  // 16 is "unsynchronised"; what is above is reserved (figure 11).

// Modes 1 to 5 (RFC 5905, 7.3):
//   0           1        2     3          4           8                12            16 ... 40          48
//   | LI VN mode| stratum| poll| precision| root delay| root dispersion| reference id| four timestamps | extensions,
//   MAC
inline constexpr std::size_t header_bytes = 48;
// Behind it: extension fields of at least 16 bytes (RFC 7822, 7.5), and a key id with 16 or 20 bytes of digest (RFC
// 5905, 7.3); a crypto-NAK is the key id alone.
inline constexpr std::size_t extension_header_bytes = 4, extension_bytes_min = 16, key_id_bytes = 4,
                             mac_bytes_max = key_id_bytes + 20;
inline constexpr unsigned extensions_max = 16;

// Mode 6 (RFC 9327, 2):
//   0           1         2         4       6            8       10     12
//   | LI VN mode| REM + op| sequence| status| association| offset| count| data
inline constexpr std::size_t control_header_bytes = 12;

// Mode 7, of ntpd's ntpdc, which no RFC has (ntp_request.h of the reference implementation):
//   0            1              2               3             4                    6                  8
//   | R M VN mode| auth sequence| implementation| request code| error 4, items 12 | 0 4, item bytes 12| items
inline constexpr std::size_t private_header_bytes = 8;
inline constexpr std::uint8_t request_mon_getlist = 20, request_mon_getlist_1 = 42;

class HeaderView {
 public:
  constexpr HeaderView() noexcept = default;
  static constexpr Result<HeaderView> parse(Bytes bytes) noexcept {
    if (bytes.size() < header_bytes) return ParseError::truncated;
    return HeaderView{bytes};
  }
  std::uint8_t leap() const noexcept { return bytes_[0] >> 6; }
  std::uint8_t version() const noexcept { return bytes_[0] >> 3 & 7; }
  std::uint8_t mode() const noexcept { return bytes_[0] & 7; }
  std::uint8_t stratum() const noexcept { return bytes_[1]; }
  std::int8_t poll() const noexcept { return static_cast<std::int8_t>(bytes_[2]); }
  std::int8_t precision() const noexcept { return static_cast<std::int8_t>(bytes_[3]); }
  // Seconds in 16.16 fixed point. The delay may be negative in RFC 1305 (3.2.1); in RFC 5905 it is not.
  double root_delay_s() const noexcept { return load_be32(bytes_, 4) / 65536.0; }
  double root_dispersion_s() const noexcept { return load_be32(bytes_, 8) / 65536.0; }
  Bytes reference_id() const noexcept { return bytes_.subspan(12, 4); }
  std::uint64_t reference_time() const noexcept { return load_be64(bytes_.data() + 16); }
  std::uint64_t transmit_time() const noexcept { return load_be64(bytes_.data() + 40); }
  Bytes rest() const noexcept { return bytes_.subspan(header_bytes); }

 private:
  constexpr explicit HeaderView(Bytes bytes) noexcept : bytes_(bytes) {}
  Bytes bytes_;
};

class ControlView {
 public:
  constexpr ControlView() noexcept = default;
  static constexpr Result<ControlView> parse(Bytes bytes) noexcept {
    if (bytes.size() < control_header_bytes) return ParseError::truncated;
    return ControlView{bytes};
  }
  std::uint8_t version() const noexcept { return bytes_[0] >> 3 & 7; }
  bool response() const noexcept { return (bytes_[1] & 0x80) != 0; }
  bool error() const noexcept { return (bytes_[1] & 0x40) != 0; }
  bool more() const noexcept { return (bytes_[1] & 0x20) != 0; }
  std::uint8_t opcode() const noexcept { return bytes_[1] & 0x1F; }
  std::uint16_t sequence() const noexcept { return load_be16(bytes_, 2); }
  std::uint16_t status() const noexcept { return load_be16(bytes_, 4); }
  std::uint16_t association() const noexcept { return load_be16(bytes_, 6); }
  std::uint16_t offset() const noexcept { return load_be16(bytes_, 8); }
  std::uint16_t count() const noexcept { return load_be16(bytes_, 10); }
  bool count_fits() const noexcept { return count() <= bytes_.size() - control_header_bytes; }

 private:
  constexpr explicit ControlView(Bytes bytes) noexcept : bytes_(bytes) {}
  Bytes bytes_;
};

class PrivateView {
 public:
  constexpr PrivateView() noexcept = default;
  static constexpr Result<PrivateView> parse(Bytes bytes) noexcept {
    if (bytes.size() < private_header_bytes) return ParseError::truncated;
    return PrivateView{bytes};
  }
  bool response() const noexcept { return (bytes_[0] & 0x80) != 0; }
  bool more() const noexcept { return (bytes_[0] & 0x40) != 0; }
  std::uint8_t version() const noexcept { return bytes_[0] >> 3 & 7; }
  bool authenticated() const noexcept { return (bytes_[1] & 0x80) != 0; }
  std::uint8_t sequence() const noexcept { return bytes_[1] & 0x7F; }
  std::uint8_t implementation() const noexcept { return bytes_[2]; }
  std::uint8_t request_code() const noexcept { return bytes_[3]; }
  std::uint8_t error() const noexcept { return bytes_[4] >> 4; }
  std::uint16_t items() const noexcept { return load_be16(bytes_, 4) & 0xFFF; }
  std::uint16_t item_bytes() const noexcept { return load_be16(bytes_, 6) & 0xFFF; }
  bool items_fit() const noexcept {
    return std::uint32_t{items()} * item_bytes() <= bytes_.size() - private_header_bytes;
  }
  // The request for the last 600 clients, whose answer is up to hundreds of times as long (CVE-2013-5211).
  bool monlist() const noexcept {
    return request_code() == request_mon_getlist || request_code() == request_mon_getlist_1;
  }

 private:
  constexpr explicit PrivateView(Bytes bytes) noexcept : bytes_(bytes) {}
  Bytes bytes_;
};

}  // namespace tsujiban::ntp
