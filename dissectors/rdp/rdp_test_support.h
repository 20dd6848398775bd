#pragma once
// For tests of this folder: a dissector with both directions of a stream, and messages to feed it.
#include "dissect/test_streams.h"
#include "dissectors/rdp/rdp_dissector.h"

namespace tsujiban::rdp::testing {

using namespace dissect::testing;

// A TPKT around `tpdu`.
inline Octets tpkt(const Octets& tpdu) {
  const std::size_t length = tpdu.size() + 4;
  Octets bytes = {3, 0, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
  bytes.insert(bytes.end(), tpdu.begin(), tpdu.end());
  return bytes;
}
// A connection request or confirm with what stands behind its class.
inline Octets connection(std::uint8_t code, const Octets& rest) {
  return tpkt(joined({{static_cast<std::uint8_t>(6 + rest.size()), code, 0, 0, 0, 0, 0}, rest}));
}
inline Octets cookie_request() {
  return connection(0xE0, joined({octets("Cookie: mstshash=secret-user\r\n"), bytes_of("0100080003000000")}));
}
inline Octets plain_confirm() { return connection(0xD0, bytes_of("0200080000000000")); }
inline Octets ber(const Octets& tag, const Octets& value) {
  return joined(
      {tag, {0x82, static_cast<std::uint8_t>(value.size() >> 8), static_cast<std::uint8_t>(value.size())}, value});
}
inline Octets utf16(std::string_view text, std::size_t bytes) {
  Octets wide;
  for (const char c : text) wide.insert(wide.end(), {static_cast<std::uint8_t>(c), 0});
  wide.resize(bytes);
  return wide;
}
// The core data: RDP 5, 1920 x 1080, ja-JP, Windows 10, 24 bits, autodetect.
inline Octets core_block() {
  const Octets body =
      joined({bytes_of("04000800 8007 3804 01CA 03AA 11040000 63450000"), utf16("PC-7", 32),
              bytes_of("07000000 02000000 0C000000"), Octets(64), bytes_of("01CA 0100 00000000 1800 0F00 2100"),
              utf16("12345-678", 64), bytes_of("0700 01000000 2C010000 C8000000 5A00 96000000 8C000000")});
  const std::size_t length = body.size() + 4;
  return joined({{0x01, 0xC0, static_cast<std::uint8_t>(length), static_cast<std::uint8_t>(length >> 8)}, body});
}
inline Octets network_block() {
  return joined({bytes_of("03C0 2000 02000000"), octets(std::string_view("rdpdr\0\0\0", 8)), Octets(4),
                 octets(std::string_view("cliprdr\0", 8)), Octets(4)});
}
inline Octets connect_request(const Octets& blocks) {
  const auto per = [](std::size_t n) {
    return Octets{static_cast<std::uint8_t>(0x80 | n >> 8), static_cast<std::uint8_t>(n)};
  };
  const Octets inner = joined({bytes_of("000800100001C000"), octets("Duca"), per(blocks.size()), blocks});
  const Octets conference = joined({bytes_of("000500147C0001"), per(inner.size()), inner});
  const Octets domain = bytes_of("30190201220201020201000201010201000201010202FFFF020102");
  const Octets initial = joined({bytes_of("0401010401010101FF"), domain, domain, domain, ber({0x04}, conference)});
  return tpkt(joined({{2, 0xF0, 0x80}, ber({0x7F, 0x65}, initial)}));
}
inline Octets sample_connect() { return connect_request(joined({core_block(), network_block()})); }
inline Octets connect_answer() { return tpkt(joined({{2, 0xF0, 0x80}, ber({0x7F, 0x66}, bytes_of("0A0100"))})); }

using Bench = StreamBench<RdpDissector, registry_row, EventType::rdp>;

}  // namespace tsujiban::rdp::testing
