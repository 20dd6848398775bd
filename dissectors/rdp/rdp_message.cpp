#include "dissectors/rdp/rdp_message.h"

#include <algorithm>
#include <array>

namespace tsujiban::rdp {
namespace {

// Reads one PDU from outside to inside; the first broken rule ends it, and what was read stands.
class MessageReader {
 public:
  MessageReader(Bytes pdu, Message& message) noexcept : pdu_(pdu), message_(message) {}

  void read() noexcept {
    const std::size_t header_end = tpkt_bytes + 1 + pdu_[tpkt_bytes];
    if (header_end > pdu_.size()) return fault(ParseError::rdp_bad_header, tpkt_bytes);
    const std::uint8_t code = pdu_[tpkt_bytes + 1] & 0xF0;
    if (code == tpdu::data) {
      if (pdu_[tpkt_bytes] != 2) return fault(ParseError::rdp_bad_header, tpkt_bytes);
      return read_data();
    }
    if (code != tpdu::connection_request && code != tpdu::connection_confirm)
      return fault(ParseError::rdp_bad_header, tpkt_bytes + 1);
    const bool request = code == tpdu::connection_request;
    message_.kind = request ? Kind::initial_request : Kind::initial_response;
    if (header_end < tpkt_bytes + connection_header_bytes) return fault(ParseError::rdp_bad_header, tpkt_bytes);
    if (header_end != pdu_.size()) return fault(ParseError::trailing_bytes, header_end);
    at_ = tpkt_bytes + connection_header_bytes;
    if (request && !read_cookie()) return;
    read_negotiation(request);
  }

 private:
  void fault(ParseError error, std::size_t offset) noexcept {
    if (message_.malformed()) return;
    message_.error = error;
    message_.error_offset = static_cast<std::uint32_t>(offset);
  }
  std::size_t left() const noexcept { return pdu_.size() - at_; }
  bool begins_with(std::string_view text) const noexcept {
    return left() >= text.size() &&
           std::equal(text.begin(), text.end(), pdu_.begin() + static_cast<std::ptrdiff_t>(at_),
                      [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
  }

  // [MS-RDPBCGR], 2.2.1.1: "Cookie: mstshash=NAME" or "Cookie: msts=TOKEN", and CR LF behind it.
  bool read_cookie() noexcept {
    if (!begins_with("Cookie:")) return true;
    const bool name = begins_with("Cookie: mstshash="), token = begins_with("Cookie: msts=");
    const std::size_t begin = at_;
    while (left() >= 2 && !(pdu_[at_] == '\r' && pdu_[at_ + 1] == '\n')) ++at_;
    if (left() < 2 || !(name || token)) {
      fault(ParseError::rdp_bad_negotiation, begin);
      return false;
    }
    message_.cookie_present = name;
    message_.routing_token_present = token;
    at_ += 2;
    return true;
  }

  void read_negotiation(bool request) noexcept {
    if (left() == 0) return;
    if (left() < negotiation_bytes) return fault(ParseError::rdp_bad_negotiation, at_);
    const std::uint8_t type = pdu_[at_];
    if (request ? type != negotiation_request : type != negotiation_response && type != negotiation_failure)
      return fault(ParseError::rdp_bad_negotiation, at_);
    if (load_le16(pdu_, at_ + 2) != negotiation_bytes) return fault(ParseError::rdp_bad_negotiation, at_ + 2);
    message_.negotiation = type;
    message_.flags = pdu_[at_ + 1];
    message_.value = load_le32(pdu_, at_ + 4);
    // Correlation info (2.2.1.1.2) may follow.
  }

  void read_data() noexcept {
    at_ = tpkt_bytes + 3;
    if (left() < 2) return;
    const std::uint16_t tag = load_be16(pdu_, at_);
    if (tag == tag_connect_response) message_.kind = Kind::connect_response;
    if (tag != tag_connect_initial) return;
    message_.kind = Kind::connect_request;
    at_ += 2;
    std::size_t length = 0;
    // T.125: two selectors, a flag, three sets of parameters, and what GCC sends.
    if (!ber_length(length)) return;
    for (const std::uint8_t tag_wanted : std::to_array<std::uint8_t>({0x04, 0x04, 0x01, 0x30, 0x30, 0x30, 0x04})) {
      if (left() < 1 || pdu_[at_] != tag_wanted) return fault(ParseError::rdp_bad_connect, at_);
      ++at_;
      if (!ber_length(length)) return;
      content_ = at_;
      at_ += length;
    }
    at_ = content_;
    read_conference(pdu_.first(content_ + length));
  }

  // X.690, 8.1.3, of something that lies within the PDU.
  bool ber_length(std::size_t& length) noexcept {
    const std::size_t begin = at_;
    if (left() < 1) return fault(ParseError::rdp_bad_connect, begin), false;
    length = pdu_[at_++];
    if (length >= 0x80) {
      const std::size_t count = length & 0x7F;
      if (count == 0 || count > 2 || left() < count) return fault(ParseError::rdp_bad_connect, begin), false;
      length = 0;
      for (std::size_t i = 0; i < count; ++i) length = length << 8 | pdu_[at_++];
    }
    if (length > left()) return fault(ParseError::rdp_bad_connect, begin), false;
    return true;
  }
  // X.691, 10.9.3: one byte, or two with the first bit set.
  bool per_length(Bytes in, std::size_t& length) noexcept {
    const std::size_t begin = at_;
    if (in.size() - at_ < 1) return fault(ParseError::rdp_bad_connect, begin), false;
    length = in[at_++];
    if ((length & 0x80) != 0) {
      if (in.size() - at_ < 1) return fault(ParseError::rdp_bad_connect, begin), false;
      length = (length & 0x3F) << 8 | in[at_++];
    }
    return true;
  }

  // T.124, 8.7: ConferenceCreateRequest in PER, of which RDP fixes all but the lengths ([MS-RDPBCGR], 4.1.3).
  void read_conference(Bytes in) noexcept {
    static constexpr std::array<std::uint8_t, 7> key = {0x00, 0x05, 0x00, 0x14, 0x7C, 0x00, 0x01};
    // 00 08 00 10 00 01 C0 00, then "Duca", the client's to the server.
    static constexpr std::array<std::uint8_t, 4> client_key = {'D', 'u', 'c', 'a'};
    static constexpr std::size_t request_bytes = 8;
    std::size_t length = 0;
    if (in.size() - at_ < key.size() ||
        !std::equal(key.begin(), key.end(), in.begin() + static_cast<std::ptrdiff_t>(at_)))
      return fault(ParseError::rdp_bad_connect, at_);
    at_ += key.size();
    if (!per_length(in, length)) return;
    if (in.size() - at_ < request_bytes + client_key.size() ||
        !std::equal(client_key.begin(), client_key.end(),
                    in.begin() + static_cast<std::ptrdiff_t>(at_ + request_bytes)))
      return fault(ParseError::rdp_bad_connect, at_);
    at_ += request_bytes + client_key.size();
    if (!per_length(in, length)) return;
    if (length > in.size() - at_) return fault(ParseError::rdp_bad_connect, at_);
    read_blocks(in.first(at_ + length));
  }

  void read_blocks(Bytes in) noexcept {
    for (unsigned i = 0; i < blocks_max && at_ < in.size(); ++i) {
      if (in.size() - at_ < block_header_bytes) return fault(ParseError::rdp_bad_connect, at_);
      const std::uint16_t type = load_le16(in, at_), length = load_le16(in, at_ + 2);
      if (length < block_header_bytes || length > in.size() - at_) return fault(ParseError::rdp_bad_connect, at_ + 2);
      const Bytes data = in.subspan(at_ + block_header_bytes, length - block_header_bytes);
      if (type == block_core && message_.core.empty()) {
        if (data.size() < core::required) return fault(ParseError::rdp_bad_connect, at_ + 2);
        message_.core = data;
      } else if (type == block_network && message_.network.empty()) {
        if (data.size() < 4 || load_le32(data, 0) > channels_max ||
            load_le32(data, 0) * channel_bytes > data.size() - 4)
          return fault(ParseError::rdp_bad_connect, at_ + block_header_bytes);
        message_.network = data;
      }
      at_ += length;
    }
  }

  Bytes pdu_;
  Message& message_;
  std::size_t at_ = 0, content_ = 0;
};

}  // namespace

std::string_view name_of(Kind kind) noexcept {
  static constexpr std::array<std::string_view, 5> names = {"initial_request", "initial_response", "connect_request",
                                                            "connect_response", "other"};
  const auto index = static_cast<std::size_t>(kind);
  return index < names.size() ? names[index] : std::string_view{};
}

Message read_message(Bytes pdu) noexcept {
  Message message;
  MessageReader(pdu, message).read();
  return message;
}

}  // namespace tsujiban::rdp
