#include "dissectors/mqtt/mqtt_json.h"

#include <algorithm>
#include <array>

#include "base/fixed_vector.h"
#include "output/privacy.h"

namespace tsujiban::mqtt {
namespace {

namespace t = packet_type;
constexpr char hex_digits[] = "0123456789abcdef";

std::string_view text_of(Bytes bytes) noexcept {
  return bytes.empty() ? std::string_view{""}
                       : std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The first `text_written_max` bytes, and no part of a character at their end.
Bytes cut(Bytes bytes) noexcept {
  if (bytes.size() <= text_written_max) return bytes;
  std::size_t size = text_written_max;
  for (unsigned i = 0; i < 3 && size > 0 && (bytes[size] & 0xC0) == 0x80; ++i) --size;
  return bytes.first(size);
}

// Names that members of `properties` have already.
bool is_property_name(Bytes name) noexcept {
  for (std::uint8_t id = 0; id < property_count; ++id) {
    const std::string_view known = property_rule(id).name;
    if (!known.empty() && known == text_of(name)) return true;
  }
  return text_of(name) == "user_properties" || text_of(name) == "omitted" ||
         text_of(name) == "authentication_data_bytes";
}

constexpr unsigned masked_levels_max = 16;
constexpr std::uint8_t id_of_content_type = 3, id_of_response_topic = 8, id_of_auth_method = 21;  // MQTT 5, 2.2.2.2.

class RecordWriter {
 public:
  RecordWriter(JsonWriter& writer, const Packet& packet, const output::Mask* mask) noexcept
      : writer_(writer), packet_(packet), mask_(mask != nullptr && mask->on() ? mask : nullptr), base_(writer.size()) {}

  void write() noexcept {
    const std::string_view name = packet_name(packet_.header.type);
    if (name.empty()) return malformed();
    writer_.key(name);
    writer_.begin_object();
    writer_.field("qos", packet_.header.qos());
    writer_.field("retain", packet_.header.retain());
    writer_.field("dup", packet_.header.dup());
    if (packet_.oversize) {
      writer_.field("truncated", true);
      writer_.field("skipped_length", packet_.header.whole());
    } else {
      fields();
    }
    malformed();
    writer_.end_object();
  }

 private:
  void malformed() noexcept {
    if (!packet_.malformed()) return;
    writer_.key("malformed");
    writer_.begin_object();
    writer_.key("error");
    writer_.plain_string(name_of(packet_.error));
    writer_.field("offset", packet_.error_offset);
    writer_.end_object();
  }
  bool full() const noexcept { return writer_.overflowed() || writer_.size() - base_ > json_bytes_max; }
  void text(std::string_view name, Bytes bytes) noexcept {
    writer_.key(name);
    writer_.string(text_of(cut(bytes)));
  }
  // What names somebody's home or device: with a mask its pseudonym.
  void identity(std::string_view name, Bytes bytes) noexcept {
    if (mask_ == nullptr) return text(name, bytes);
    writer_.key(name);
    writer_.plain_string(mask_->of(bytes).view());
  }
  // A topic's levels are masked one by one: what belongs together still shows, and a filter's wildcards stay. Brokers'
  // own topics ($SYS) are nobody's.
  void topic(std::string_view name, Bytes bytes) noexcept {
    writer_.key(name);
    topic_value(bytes);
  }
  void topic_value(Bytes bytes) noexcept {
    if (mask_ == nullptr) return writer_.string(text_of(cut(bytes)));
    if (!bytes.empty() && bytes[0] == '$') {
      const std::string_view own = text_of(bytes);
      if (own.starts_with("$SYS")) return writer_.string(text_of(cut(bytes)));
    }
    std::array<char, masked_levels_max*(output::Mask::text_bytes_max + 1)> masked;
    std::size_t size = 0;
    for (unsigned level = 1;; ++level) {
      // The last one that is masked stands for all behind it.
      const auto slash = level == masked_levels_max ? bytes.end() : std::find(bytes.begin(), bytes.end(), '/');
      const Bytes one = bytes.first(static_cast<std::size_t>(slash - bytes.begin()));
      const std::string_view plain = text_of(one);
      if (plain.empty() || plain == "+" || plain == "#" || plain == "$share") {
        std::copy(plain.begin(), plain.end(), masked.begin() + static_cast<std::ptrdiff_t>(size));
        size += plain.size();
      } else {
        const output::Mask::Text pseudonym = mask_->of(one);
        const std::string_view view = pseudonym.view();
        std::copy(view.begin(), view.end(), masked.begin() + static_cast<std::ptrdiff_t>(size));
        size += view.size();
      }
      if (slash == bytes.end()) break;
      masked[size++] = '/';
      bytes = bytes.subspan(one.size() + 1);
    }
    writer_.plain_string({masked.data(), size});
  }
  // As Suricata writes bytes: as text where they are UTF-8, else with \xHH for each byte above 0x7F.
  void octets(std::string_view name, Bytes whole) noexcept {
    const Bytes bytes = cut(whole);
    writer_.key(name);
    if (is_utf8(bytes)) return writer_.string(text_of(bytes));
    std::array<char, 4 * text_written_max> escaped;
    std::size_t size = 0;
    for (const std::uint8_t b : bytes) {
      if (b < 0x80) {
        escaped[size++] = static_cast<char>(b);
        continue;
      }
      for (const char c : {'\\', 'x', hex_digits[b >> 4], hex_digits[b & 15]}) escaped[size++] = c;
    }
    writer_.string({escaped.data(), size});
  }
  // A member whose name came from the wire.
  void foreign_member(Bytes name, Bytes value) noexcept {
    writer_.string(text_of(name));
    writer_.raw(":");
    if (writer_.overflowed()) return;
    writer_.rewind({writer_.size(), true});  // Behind a name no comma comes.
    writer_.string(text_of(cut(value)));
  }

  void fields() noexcept {
    switch (packet_.header.type) {
      case t::connect:
        return connect();
      case t::connack:
        if (!packet_.has_reason) return;
        writer_.field("session_present", packet_.session_present);
        writer_.field("return_code", packet_.reason);
        return properties(packet_.has_properties, packet_.properties);
      case t::publish:
        return publish();
      case t::subscribe:
        id();
        filters();
        return properties(packet_.has_properties, packet_.properties);
      case t::unsubscribe:
        id();
        return filters();
      case t::suback:
        id();
        return codes("qos_granted");
      case t::unsuback:
        id();
        if (!packet_.list.empty()) codes("reason_codes");
        return;
      default:
        id();
        if (packet_.has_reason) writer_.field("reason_code", packet_.reason);
        return properties(packet_.has_properties, packet_.properties);
    }
  }
  void id() noexcept {
    if (packet_.has_id) writer_.field("message_id", packet_.id);
  }
  void connect() noexcept {
    if (packet_.protocol.data() != nullptr) text("protocol_string", packet_.protocol);
    if (!packet_.has_connect) return;
    writer_.field("protocol_version", packet_.level);
    if (packet_.client_id.data() != nullptr) identity("client_id", packet_.client_id);
    const std::uint8_t flags = packet_.connect_flags;
    const bool will = (flags & connect_flag::will) != 0;
    writer_.key("flags");
    writer_.begin_object();
    writer_.field("username", (flags & connect_flag::user) != 0);
    writer_.field("password", (flags & connect_flag::password) != 0);
    writer_.field("will_retain", (flags & connect_flag::will_retain) != 0);
    writer_.field("will", will);
    writer_.field("clean_session", (flags & connect_flag::clean) != 0);
    writer_.end_object();
    writer_.field("keep_alive", packet_.keep_alive);
    if (packet_.user.data() != nullptr) identity("username", packet_.user);
    if (will) {
      writer_.key("will");
      writer_.begin_object();
      if (packet_.will_topic.data() != nullptr) topic("topic", packet_.will_topic);
      if (packet_.will_message.data() != nullptr) {
        if (mask_ == nullptr) octets("message", packet_.will_message);
        writer_.field("message_bytes", packet_.will_message.size());
      }
      writer_.field("qos", (flags & connect_flag::will_qos) >> 3);
      properties(packet_.has_will_properties, packet_.will_properties);
      writer_.end_object();
    }
    properties(packet_.has_properties, packet_.properties);
  }
  void publish() noexcept {
    if (!packet_.has_topic) return;
    topic("topic", packet_.topic);
    id();
    if (packet_.payload.data() == nullptr) return;
    if (mask_ == nullptr) octets("message", packet_.payload);
    writer_.field("message_bytes", packet_.payload_bytes);
    properties(packet_.has_properties, packet_.properties);
  }
  void filters() noexcept {
    const bool subscribes = packet_.header.type == t::subscribe;
    if (packet_.list.data() == nullptr) return;
    unsigned written = 0, omitted = 0;
    writer_.key("topics");
    writer_.begin_array();
    each_filter(packet_, [&](Bytes filter, std::uint8_t options, std::size_t) {
      if (written == list_written_max || full()) {
        ++omitted;
        return;
      }
      ++written;
      if (!subscribes) return topic_value(filter);
      writer_.begin_object();
      topic("topic", filter);
      writer_.field("qos", options & 3);
      if (packet_.v5() && (options & 0x3C) != 0) {
        writer_.field("no_local", (options & 4) != 0);
        writer_.field("retain_as_published", (options & 8) != 0);
        writer_.field("retain_handling", options >> 4 & 3);
      }
      writer_.end_object();
    });
    writer_.end_array();
    if (omitted > 0) writer_.field("topics_omitted", omitted);
  }
  void codes(std::string_view name) noexcept {
    if (packet_.list.data() == nullptr) return;
    writer_.key(name);
    writer_.begin_array();
    for (const std::uint8_t code : packet_.list.first(std::min<std::size_t>(packet_.list.size(), list_written_max)))
      writer_.number(std::uint32_t{code});
    writer_.end_array();
  }
  void properties(bool there, Bytes block) noexcept {
    if (!there || block.empty()) return;
    writer_.key("properties");
    writer_.begin_object();
    FixedVector<Bytes, list_written_max> names;       // Users' that are members by their own name.
    FixedVector<Property, list_written_max> further;  // Users' whose name is taken.
    std::uint64_t seen = 0;
    unsigned omitted = 0;
    PropertyCursor cursor(block);
    for (Property read; cursor.next(read);) {
      const bool user = read.id == property::user;
      const bool again = !user && (seen >> read.id & 1) != 0;
      const bool too_many = user && names.size() + further.size() == list_written_max;
      if (again || too_many || full()) {
        ++omitted;
        continue;
      }
      seen |= std::uint64_t{1} << read.id;
      if (!user) {
        one(read);
      } else if (mask_ == nullptr && is_own_name(read.text, names)) {
        names.push(read.text);
        foreign_member(read.text, read.value);
      } else {
        further.push(read);
      }
    }
    if (!further.empty()) user_properties(further, omitted);
    if (omitted > 0) writer_.field("omitted", omitted);
    writer_.end_object();
  }
  void one(const Property& read) noexcept {
    const std::string_view name = property_rule(read.id).name;
    switch (read.kind) {
      case PropertyKind::text:
        if (read.id == id_of_response_topic) return topic(name, read.text);
        // A payload's format and a method's name are nobody's; texts of the application may be.
        if (read.id == id_of_content_type || read.id == id_of_auth_method) return text(name, read.text);
        return identity(name, read.text);
      case PropertyKind::binary:
        // Proofs of who somebody is are not written.
        if (read.id == property::auth_data) return writer_.field("authentication_data_bytes", read.text.size());
        if (mask_ == nullptr) octets(name, read.text);
        return;
      default:
        return writer_.field(name, read.number);
    }
  }
  static bool is_own_name(Bytes name, const FixedVector<Bytes, list_written_max>& names) noexcept {
    if (name.size() > text_written_max || !is_utf8(name) || is_property_name(name)) return false;
    return std::none_of(names.begin(), names.end(), [&](Bytes other) { return text_of(other) == text_of(name); });
  }
  void user_properties(const FixedVector<Property, list_written_max>& further, unsigned& omitted) noexcept {
    writer_.key("user_properties");
    writer_.begin_array();
    for (const Property& read : further) {
      if (full()) {
        ++omitted;
        continue;
      }
      writer_.begin_object();
      text("name", read.text);
      identity("value", read.value);
      writer_.end_object();
    }
    writer_.end_array();
  }

  JsonWriter& writer_;
  const Packet& packet_;
  const output::Mask* mask_;  // Null: nothing is masked.
  std::size_t base_;
};

}  // namespace

void write_packet(JsonWriter& writer, const Packet& packet, const output::Mask* mask) noexcept {
  RecordWriter(writer, packet, mask).write();
}

std::string_view packet_name(std::uint8_t type) noexcept {
  static constexpr std::array<std::string_view, 16> names = {
      "",          "connect", "connack",     "publish",  "puback",  "pubrec",   "pubrel",     "pubcomp",
      "subscribe", "suback",  "unsubscribe", "unsuback", "pingreq", "pingresp", "disconnect", "auth"};
  return type < names.size() ? names[type] : std::string_view{};
}

}  // namespace tsujiban::mqtt
