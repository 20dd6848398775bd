#include "dissectors/mqtt/mqtt_packet.h"

#include <algorithm>
#include <cstring>

namespace tsujiban::mqtt {
namespace {

namespace t = packet_type;

bool has_null(Bytes text) noexcept { return std::find(text.begin(), text.end(), std::uint8_t{0}) != text.end(); }

bool has_wildcard(Bytes topic) noexcept {
  return std::any_of(topic.begin(), topic.end(), [](std::uint8_t c) { return c == '#' || c == '+'; });
}

// A multi-level wildcard stands last and fills its level, as does a single-level one (4.7.1).
bool is_filter(Bytes filter) noexcept {
  if (filter.empty()) return false;
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] != '#' && filter[i] != '+') continue;
    const bool begins = i == 0 || filter[i - 1] == '/', ends = i + 1 == filter.size();
    if (!begins || !(ends || (filter[i] == '+' && filter[i + 1] == '/'))) return false;
  }
  return true;
}

// The fixed header's flags (2.1.3). Version 3.1 has DUP for more than PUBLISH.
bool flags_fit(const FixedHeader& header, std::uint8_t version) noexcept {
  if (header.type == t::publish) return true;
  const std::uint8_t expected =
      header.type == t::pubrel || header.type == t::subscribe || header.type == t::unsubscribe ? 2 : 0;
  return (version == level_3_1 ? header.flags & ~8 : header.flags) == expected;
}

// The name and level of a CONNECT (3.1.2.1, 3.1.2.2).
bool is_protocol(Bytes name, std::uint8_t level) noexcept {
  const auto is = [&](std::string_view text) {
    return name.size() == text.size() && std::memcmp(name.data(), text.data(), text.size()) == 0;
  };
  const std::uint8_t plain = level & 0x7F;
  return (is("MQIsdp") && plain == level_3_1) || (is("MQTT") && (plain == level_3_1_1 || plain == level_5));
}

// Reads one field behind the other. What does not fit into the packet is a fault, and so is everything behind it.
class Reader {
 public:
  Reader(Packet& packet, Bytes bytes) noexcept : packet_(packet), bytes_(bytes), at_(packet.header.size) {}

  void read() noexcept {
    if (!flags_fit(packet_.header, packet_.version)) packet_.fault(ParseError::mqtt_bad_flags, 0);
    switch (packet_.header.type) {
      case t::connect:
        return connect();
      case t::connack:
        return connack();
      case t::publish:
        return publish();
      case t::puback:
      case t::pubrec:
      case t::pubrel:
      case t::pubcomp:
        return acknowledgement();
      case t::subscribe:
      case t::unsubscribe:
        return filters();
      case t::suback:
      case t::unsuback:
        return codes();
      case t::pingreq:
      case t::pingresp:
        return end();
      case t::disconnect:
        if (packet_.v5()) return reason_and_properties();
        return end();
      case t::auth:
        if (packet_.version == 0 || packet_.v5()) return reason_and_properties();
        [[fallthrough]];
      default:
        packet_.fault(ParseError::mqtt_bad_type, 0);
    }
  }

 private:
  std::uint32_t offset() const noexcept { return static_cast<std::uint32_t>(at_); }
  std::size_t left() const noexcept { return bytes_.size() - at_; }
  bool room(std::size_t size) noexcept {
    if (left() >= size) return true;
    packet_.fault(ParseError::truncated, static_cast<std::uint32_t>(bytes_.size()));
    return false;
  }
  bool u8(std::uint8_t& value) noexcept {
    if (!room(1)) return false;
    value = bytes_[at_++];
    return true;
  }
  bool u16(std::uint16_t& value) noexcept {
    if (!room(2)) return false;
    value = load_be16(bytes_, at_);
    at_ += 2;
    return true;
  }
  bool binary(Bytes& value) noexcept {
    if (!room(2)) return false;
    const std::size_t length = load_be16(bytes_, at_);
    if (left() < 2 + length) {
      packet_.fault(ParseError::truncated, offset());
      return false;
    }
    value = bytes_.subspan(at_ + 2, length);
    at_ += 2 + length;
    return true;
  }
  // 1.5.4: well-formed, without U+0000.
  bool text(Bytes& value) noexcept {
    const std::uint32_t begin = offset();
    if (!binary(value)) return false;
    if (!is_utf8(value) || has_null(value)) packet_.fault(ParseError::mqtt_bad_string, begin);
    return true;
  }
  bool id() noexcept {
    const std::uint32_t begin = offset();
    if (!u16(packet_.id)) return false;
    packet_.has_id = true;
    if (packet_.id == 0) packet_.fault(ParseError::mqtt_bad_packet_id, begin);
    return true;
  }
  // Their length, and every one of them. `type`: the packet's, or 0 for a will's.
  bool properties(Bytes& block, bool& there, std::uint8_t type) noexcept {
    const std::uint32_t begin = offset();
    const VariableInteger length = read_variable_integer(bytes_, at_);
    if (length.size == 0) {
      packet_.fault(length.broken ? ParseError::bad_length : ParseError::truncated, begin);
      return false;
    }
    if (length.value > left() - length.size) {
      packet_.fault(ParseError::mqtt_properties_too_long, begin);
      return false;
    }
    at_ += length.size;
    block = bytes_.subspan(at_, length.value);
    there = true;
    check(block, type);
    at_ += length.value;
    return true;
  }
  void check(Bytes block, std::uint8_t type) noexcept {
    PropertyCursor cursor(block);
    Property read;
    std::uint64_t seen = 0;
    std::uint32_t begin = offset();
    while (cursor.next(read)) {
      const bool repeats = (seen >> read.id & 1) != 0;
      seen |= std::uint64_t{1} << read.id;
      // A message that several subscriptions want has all their identifiers (3.3.2.3.8).
      const bool may_repeat = read.id == property::user || (read.id == property::subscription_id && type == t::publish);
      if ((property_rule(read.id).allowed >> type & 1) == 0 || (repeats && !may_repeat))
        packet_.fault(ParseError::mqtt_bad_property, begin);
      if (!value_fits(read)) packet_.fault(ParseError::bad_value, begin + 1);
      if (read.kind == PropertyKind::text || read.kind == PropertyKind::pair) {
        if (!is_utf8(read.text) || has_null(read.text) || !is_utf8(read.value) || has_null(read.value))
          packet_.fault(ParseError::mqtt_bad_string, begin + 1);
      }
      begin = offset() + static_cast<std::uint32_t>(cursor.offset());
    }
    if (cursor.broken())
      packet_.fault(cursor.unassigned() ? ParseError::mqtt_bad_property : ParseError::truncated, begin);
  }
  static bool value_fits(const Property& read) noexcept {
    switch (read.kind) {
      case PropertyKind::byte:
        return read.number <= 1;
      case PropertyKind::two_bytes:
        return read.number != 0 || (read.id != property::receive_maximum && read.id != property::topic_alias);
      case PropertyKind::four_bytes:
        return read.number != 0 || read.id != property::maximum_packet_size;
      case PropertyKind::variable:
        return read.number != 0;
      default:
        return true;
    }
  }
  void end() noexcept {
    if (left() > 0) packet_.fault(ParseError::trailing_bytes, offset());
  }

  void connect() noexcept {
    const std::uint32_t begin = offset();
    if (!text(packet_.protocol) || !u8(packet_.level) || !u8(packet_.connect_flags) || !u16(packet_.keep_alive)) return;
    packet_.has_connect = true;
    const auto flags_offset = static_cast<std::uint32_t>(at_ - 3);
    if (!is_protocol(packet_.protocol, packet_.level)) packet_.fault(ParseError::bad_version, begin);
    packet_.version = packet_.level & 0x7F;
    const std::uint8_t flags = packet_.connect_flags;
    const bool will = (flags & connect_flag::will) != 0;
    if ((flags & connect_flag::reserved) != 0) packet_.fault(ParseError::mqtt_bad_flags, flags_offset);
    if ((flags & connect_flag::will_qos) == connect_flag::will_qos)
      packet_.fault(ParseError::mqtt_bad_qos, flags_offset);
    if (!will && (flags & (connect_flag::will_qos | connect_flag::will_retain)) != 0)
      packet_.fault(ParseError::mqtt_bad_flags, flags_offset);
    // Version 5 allows a password without a user (3.1.2.9).
    if (!packet_.v5() && (flags & connect_flag::password) != 0 && (flags & connect_flag::user) == 0)
      packet_.fault(ParseError::mqtt_bad_flags, flags_offset);
    if (packet_.v5() && !properties(packet_.properties, packet_.has_properties, t::connect)) return;
    if (!text(packet_.client_id)) return;
    if (will) {
      if (packet_.v5() && !properties(packet_.will_properties, packet_.has_will_properties, 0)) return;
      const std::uint32_t topic = offset();
      if (!text(packet_.will_topic)) return;
      if (packet_.will_topic.empty() || has_wildcard(packet_.will_topic))
        packet_.fault(ParseError::mqtt_bad_topic, topic);
      if (!binary(packet_.will_message)) return;
    }
    Bytes secret;
    if ((flags & connect_flag::user) != 0 && !text(packet_.user)) return;
    if ((flags & connect_flag::password) != 0 && !binary(secret)) return;
    end();
  }
  void connack() noexcept {
    std::uint8_t flags = 0;
    const std::uint32_t begin = offset();
    if (!u8(flags) || !u8(packet_.reason)) return;
    packet_.has_reason = true;
    packet_.session_present = (flags & 1) != 0;
    if ((flags & 0xFE) != 0) packet_.fault(ParseError::mqtt_bad_flags, begin);
    if (!packet_.v5() && packet_.version != 0 && packet_.reason > 5) packet_.fault(ParseError::bad_value, begin + 1);
    if (packet_.v5() && !properties(packet_.properties, packet_.has_properties, t::connack)) return;
    // Without the CONNECT one cannot know whether properties follow.
    if (packet_.version != 0) end();
  }
  void publish() noexcept {
    const std::uint32_t whole = packet_.header.whole();
    const std::uint32_t begin = offset();
    if (!text(packet_.topic)) return;
    packet_.has_topic = true;
    if (packet_.header.qos() == 3) packet_.fault(ParseError::mqtt_bad_qos, 0);
    if (packet_.header.qos() == 0 && packet_.header.dup()) packet_.fault(ParseError::mqtt_bad_flags, 0);
    if (packet_.header.qos() != 0 && !id()) return;
    if (packet_.v5() && !properties(packet_.properties, packet_.has_properties, t::publish)) return;
    // Version 5 has a topic's alias instead (3.3.2.3.4).
    if (has_wildcard(packet_.topic) || (packet_.topic.empty() && !packet_.v5()))
      packet_.fault(ParseError::mqtt_bad_topic, begin);
    packet_.payload = bytes_.subspan(at_);
    packet_.payload_bytes = whole - offset();
  }
  void acknowledgement() noexcept {
    if (!id()) return;
    if (!packet_.v5()) {
      if (packet_.version != 0) end();
      return;
    }
    reason_and_properties();
  }
  // Both may be left out where there is nothing to say (3.4.2.1, 3.14.2.1).
  void reason_and_properties() noexcept {
    packet_.has_reason = true;
    if (left() == 0 || !u8(packet_.reason) || left() == 0) return;
    if (properties(packet_.properties, packet_.has_properties, packet_.header.type)) end();
  }
  void filters() noexcept {
    if (!id()) return;
    if (packet_.v5() && !properties(packet_.properties, packet_.has_properties, packet_.header.type)) return;
    take_list();
    unsigned filters = 0;
    const std::size_t read = each_filter(packet_, [&](Bytes filter, std::uint8_t options, std::size_t at) {
      ++filters;
      const auto begin = static_cast<std::uint32_t>(packet_.list_offset + at);
      if (!is_utf8(filter) || has_null(filter)) packet_.fault(ParseError::mqtt_bad_string, begin);
      if (!is_filter(filter)) packet_.fault(ParseError::mqtt_bad_topic, begin);
      const auto options_offset = static_cast<std::uint32_t>(begin + 2 + filter.size());
      if ((options & 3) == 3) packet_.fault(ParseError::mqtt_bad_qos, options_offset);
      const bool reserved = packet_.v5() ? (options & 0xC0) != 0 || (options & 0x30) == 0x30 : (options & 0xFC) != 0;
      if (reserved && packet_.version != 0) packet_.fault(ParseError::mqtt_bad_flags, options_offset);
    });
    if (read < packet_.list.size())
      packet_.fault(ParseError::truncated, static_cast<std::uint32_t>(packet_.list_offset + read));
    else if (filters == 0)
      packet_.fault(ParseError::bad_length, packet_.list_offset);
  }
  void codes() noexcept {
    if (!id()) return;
    if (packet_.v5() && !properties(packet_.properties, packet_.has_properties, packet_.header.type)) return;
    if (packet_.header.type == t::unsuback && !packet_.v5() && packet_.version != 0) return end();
    take_list();
    if (packet_.header.type == t::suback && packet_.list.empty())
      packet_.fault(ParseError::bad_length, packet_.list_offset);
    if (packet_.header.type != t::suback || packet_.v5()) return;
    for (std::size_t i = 0; i < packet_.list.size(); ++i) {
      if (packet_.list[i] > 2 && packet_.list[i] != 0x80 && packet_.version != 0)
        packet_.fault(ParseError::bad_value, static_cast<std::uint32_t>(packet_.list_offset + i));
    }
  }
  void take_list() noexcept {
    packet_.list = bytes_.subspan(at_);
    packet_.list_offset = offset();
  }

  Packet& packet_;
  const Bytes bytes_;
  std::size_t at_;
};

}  // namespace

std::uint32_t bytes_needed(Bytes stream, const FixedHeader& header, std::uint8_t version) noexcept {
  const std::uint32_t whole = header.whole();
  if (header.type != t::publish) return whole;
  // Topic, packet identifier, properties; then as much of the payload as a record shows.
  std::uint32_t at = header.size + 2u;
  if (at > whole || stream.size() < at) return std::min(at, whole);
  at += load_be16(stream, header.size);
  if (header.qos() != 0) at += 2;
  if (at > whole) return std::min(whole, packet_bytes_max);
  if (version == level_5) {
    if (stream.size() < at) return at;
    const VariableInteger length = read_variable_integer(stream.first(std::min<std::size_t>(stream.size(), whole)), at);
    if (length.size == 0 && !length.broken) {
      // It ends with the packet, or with what has come so far.
      if (stream.size() >= whole) return whole;
      return std::min<std::uint32_t>(whole, static_cast<std::uint32_t>(stream.size()) + 1);
    }
    if (length.broken || length.value > whole - at - length.size) return std::min(whole, at + 4);
    at += length.size + length.value;
  }
  return std::min(whole, at + text_written_max);
}

Packet read_packet(Bytes bytes, const FixedHeader& header, std::uint8_t version) noexcept {
  Packet packet;
  packet.header = header;
  packet.version = version;
  Reader(packet, bytes).read();
  return packet;
}

Fit fits_connect(Bytes bytes) noexcept {
  static constexpr std::uint8_t current[] = {0, 4, 'M', 'Q', 'T', 'T'}, old[] = {0, 6, 'M', 'Q', 'I', 's', 'd', 'p'};
  if (bytes.empty()) return Fit::open;
  if (bytes[0] != 0x10) return Fit::no;
  const FixedHeader header = read_fixed_header(bytes);
  if (header.state == FixedHeader::State::broken) return Fit::no;
  if (header.state == FixedHeader::State::incomplete) return Fit::open;
  // Name, level, flags, keep-alive and the client identifier's length.
  if (header.remaining < sizeof current + 6) return Fit::no;
  for (const Bytes name : {Bytes(current), Bytes(old)}) {
    const std::size_t there = std::min(bytes.size() - header.size, name.size());
    if (!std::equal(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(there), bytes.begin() + header.size))
      continue;
    if (bytes.size() <= header.size + name.size()) return Fit::open;
    return is_protocol(name.subspan(2), bytes[header.size + name.size()]) ? Fit::yes : Fit::no;
  }
  return Fit::no;
}

Fit fits(Bytes bytes, bool anywhere) noexcept {
  constexpr std::size_t topic_bytes_judged = 16;
  if (bytes.empty()) return Fit::open;
  const std::uint8_t type = bytes[0] >> 4;
  if (type == t::connect) return fits_connect(bytes);
  const FixedHeader header = read_fixed_header(bytes);
  if (header.state == FixedHeader::State::broken || type == t::reserved || !flags_fit(header, 0)) return Fit::no;
  if (anywhere && type != t::publish) return Fit::no;
  if (header.state == FixedHeader::State::incomplete) return Fit::open;
  const std::size_t at = header.size;
  const auto plausible_id = [&] {
    return bytes.size() < at + 2 ? Fit::open : load_be16(bytes, at) != 0 ? Fit::yes : Fit::no;
  };
  switch (type) {
    case t::connack:
      if (header.remaining < 2) return Fit::no;
      if (bytes.size() < at + 2) return Fit::open;
      return bytes[at] <= 1 && (bytes[at + 1] <= 5 || bytes[at + 1] >= 0x80) ? Fit::yes : Fit::no;
    case t::publish: {
      if (header.qos() == 3 || header.remaining < 3) return Fit::no;
      if (bytes.size() < at + 2) return Fit::open;
      const std::size_t topic = load_be16(bytes, at);
      if (topic == 0 || topic + 2 + (header.qos() != 0 ? 2 : 0) > header.remaining) return Fit::no;
      const std::size_t judged = std::min(topic, topic_bytes_judged);
      for (std::size_t i = 0; i < judged; ++i) {
        if (bytes.size() <= at + 2 + i) return Fit::open;
        const std::uint8_t c = bytes[at + 2 + i];
        if (c < 0x20 || c == 0x7F || c == '#' || c == '+') return Fit::no;
      }
      return Fit::yes;
    }
    case t::puback:
    case t::pubrec:
    case t::pubrel:
    case t::pubcomp:
      return header.remaining < 2 ? Fit::no : plausible_id();
    case t::subscribe:
    case t::unsubscribe:
      return header.remaining < 5 ? Fit::no : plausible_id();
    case t::suback:
      return header.remaining < 3 ? Fit::no : plausible_id();
    case t::unsuback:
      return header.remaining < 2 ? Fit::no : plausible_id();
    case t::pingreq:
    case t::pingresp:
      return header.remaining == 0 ? Fit::yes : Fit::no;
    case t::disconnect:
      return header.remaining < 128 ? Fit::yes : Fit::no;
    default:
      return Fit::no;
  }
}

}  // namespace tsujiban::mqtt
