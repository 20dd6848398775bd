#pragma once
#include <string_view>

#include "base/bytes.h"

// Where the bytes of TLS are (RFC 5246, 6.2 and 7.4; RFC 8446, 4 and 5) and of SSL 2's first messages
// (draft-hickman-netscape-ssl-00).
namespace tsujiban::tls {

// Record: type 1, version 2, length 2, body. Handshake message: type 1, length 3, body.
inline constexpr std::uint32_t record_header_length = 5;
inline constexpr std::uint32_t message_header_length = 4;
// TLSCiphertext of TLS 1.2, 6.2.3; TLS 1.3 allows less.
inline constexpr std::uint32_t record_body_max = (1u << 14) + 2048;
inline constexpr std::uint32_t alert_length = 2;
inline constexpr std::uint32_t heartbeat_header_length = 3;  // Type 1, payload length 2 (RFC 6520, 4).
inline constexpr std::uint32_t heartbeat_padding_min = 16;
inline constexpr std::size_t random_length = 32;
inline constexpr std::size_t session_id_max = 32;

namespace content {
inline constexpr std::uint8_t change_cipher_spec = 20, alert = 21, handshake = 22, application_data = 23,
                              heartbeat = 24;
}
namespace handshake {
inline constexpr std::uint8_t hello_request = 0, client_hello = 1, server_hello = 2, hello_verify_request = 3,
                              new_session_ticket = 4, end_of_early_data = 5, hello_retry_request = 6,
                              encrypted_extensions = 8, certificate = 11, server_key_exchange = 12,
                              certificate_request = 13, server_hello_done = 14, certificate_verify = 15,
                              client_key_exchange = 16, finished = 20, certificate_url = 21, certificate_status = 22,
                              supplemental_data = 23, key_update = 24;
}
namespace extension {
inline constexpr std::uint16_t server_name = 0, status_request = 5, supported_groups = 10, ec_point_formats = 11,
                               signature_algorithms = 13, alpn = 16, session_ticket = 35, pre_shared_key = 41,
                               early_data = 42, supported_versions = 43, encrypted_client_hello = 65037;
}
namespace version {
inline constexpr std::uint16_t ssl2 = 0x0002, ssl3 = 0x0300, tls10 = 0x0301, tls11 = 0x0302, tls12 = 0x0303,
                               tls13 = 0x0304;
}
namespace ssl2 {
inline constexpr std::uint8_t client_hello = 1, client_master_key = 2, server_hello = 4;
inline constexpr std::uint32_t header_length = 2;        // 0x80 and the length's high bits, its low bits: no padding.
inline constexpr std::uint32_t client_hello_fixed = 9;   // Type, version 2, lengths of specs, session id, challenge.
inline constexpr std::uint32_t server_hello_fixed = 11;  // Type, hit, certificate type, version 2, three lengths.
inline constexpr std::uint32_t client_master_key_fixed = 10;
inline constexpr std::uint32_t record_max = 0x7FFF;
inline constexpr std::uint32_t spec_length = 3;
}  // namespace ssl2
inline constexpr std::uint8_t alert_warning = 1, alert_fatal = 2;

// RFC 8701: 0x?A?A with equal octets.
constexpr bool is_grease(std::uint16_t value) noexcept {
  return (value & 0x0F0F) == 0x0A0A && value >> 8 == (value & 0xFF);
}
// Drafts of TLS 1.3 wrote 0x7F and their number, those of one large site 0xFB.
constexpr bool is_tls13(std::uint16_t v) noexcept { return v == version::tls13 || v >> 8 == 0x7F || v >> 8 == 0xFB; }

// Whether a record may begin with these octets, of which there are `record_header_length`. An empty record is allowed
// of application data only (RFC 5246, 6.2.1).
inline bool is_record_header(const std::uint8_t* at) noexcept {
  const std::uint32_t length = load_be16(at + 3);
  return at[0] >= content::change_cipher_spec && at[0] <= content::heartbeat && at[1] == 3 && at[2] <= 4 &&
         length <= record_body_max && (length > 0 || at[0] == content::application_data);
}

inline std::string_view text_of(Bytes bytes) noexcept {
  return bytes.empty() ? std::string_view{""}
                       : std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads forward; what is not there reads as 0 or nothing, and `ok` says so from then on.
class Cursor {
 public:
  explicit Cursor(Bytes bytes) noexcept : bytes_(bytes) {}
  bool ok() const noexcept { return ok_; }
  std::size_t left() const noexcept { return bytes_.size() - at_; }
  std::size_t offset() const noexcept { return at_; }
  std::uint8_t u8() noexcept { return has(1) ? bytes_[at_++] : std::uint8_t{0}; }
  std::uint16_t u16() noexcept {
    if (!has(2)) return 0;
    at_ += 2;
    return load_be16(bytes_, at_ - 2);
  }
  std::uint32_t u24() noexcept {
    if (!has(3)) return 0;
    at_ += 3;
    return load_be24(bytes_, at_ - 3);
  }
  Bytes take(std::size_t length) noexcept {
    if (!has(length)) return {};
    at_ += length;
    return bytes_.subspan(at_ - length, length);
  }
  // A vector with its length before it.
  Bytes vector8() noexcept { return take(u8()); }
  Bytes vector16() noexcept { return take(u16()); }
  Bytes vector24() noexcept { return take(u24()); }

 private:
  bool has(std::size_t length) noexcept {
    ok_ = ok_ && left() >= length;
    return ok_;
  }
  Bytes bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace tsujiban::tls
