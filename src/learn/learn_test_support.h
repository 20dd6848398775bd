#pragma once
#include <memory>
#include <string>

#include "config/config.h"
#include "learn/learner.h"

namespace tsujiban::learn {

inline IpAddress ip(const char* text) {
  IpAddress address;
  if (!parse_ip(text, address)) throw std::invalid_argument(text);
  return address;
}
inline MacAddress mac_of(const char* text) {
  MacAddress mac;
  if (!parse_mac(text, mac)) throw std::invalid_argument(text);
  return mac;
}
inline SegmentKey vlan(std::uint16_t id) {
  SegmentKey key;
  key.push_vlan(id);
  return key;
}

// A day of facts, written as a person would tell them.
class Story {
 public:
  explicit Story(HashSeed seed = {}, const LearnerLimits& limits = {}) : learner(seed, limits) {}
  Learner learner;
  SegmentKey segment;
  PacketTime time{1'775'433'600'000'000'000};  // 2026-04-06 00:00:00 UTC.

  Story& after(std::int64_t seconds) {
    time = time + Duration::seconds(seconds);
    return *this;
  }
  Fact base(FactKind kind, const char* from, const char* to) const {
    Fact fact;
    fact.kind = kind;
    fact.time = time;
    fact.segment = segment;
    fact.source = ip(from);
    fact.destination = ip(to);
    return fact;
  }
  // A flow of `minutes`, answered or not, told as the worker tells it.
  Story& talk(const char* from, const char* to, std::uint8_t protocol, std::uint16_t port, int minutes = 0,
              bool answered = true, const char* from_mac = nullptr, bool certain = true,
              AppProtocol app = AppProtocol::unknown, std::uint16_t from_port = 50'000) {
    Fact fact = base(FactKind::conversation, from, to);
    fact.ip_protocol = protocol;
    fact.protocol = app;
    fact.source_port = from_port;
    fact.destination_port = port;
    fact.flow_id = ++flow_;
    fact.to_group = fact.destination.is_multicast();
    if (from_mac != nullptr) fact.source_mac = mac_of(from_mac);
    fact.conversation = {};
    ConversationSeen& seen = fact.conversation;
    seen.direction_certain = certain;
    seen.from_source = true;
    seen.packets = 1, seen.bytes = 100;
    tell(fact);
    if (answered) {
      seen.moment = ConversationSeen::Moment::answered;
      seen.from_source = false, seen.from_destination = true, seen.established = true;
      seen.packets = 2, seen.bytes = 200;
      tell(fact);
    }
    for (int i = 0; i < minutes; ++i) {
      after(60);
      fact.time = time;
      seen.moment = ConversationSeen::Moment::goes_on;
      seen.from_source = true, seen.from_destination = answered;
      seen.packets += 2, seen.bytes += 200;
      tell(fact);
    }
    return *this;
  }
  Story& object(const char* of, std::uint32_t object, ObjectSeen::How how = ObjectSeen::How::listed) {
    Fact fact = base(FactKind::object, of, "224.0.23.0");
    fact.protocol = AppProtocol::echonet_lite;
    fact.object = {how, object};
    return tell(fact);
  }
  Story& write(const char* from, const char* to, std::uint32_t object, bool refused = false) {
    Fact fact = base(FactKind::control_write, from, to);
    fact.protocol = AppProtocol::echonet_lite;
    fact.control_write = {};
    fact.control_write.object = object;
    fact.control_write.point = 0xda;
    fact.control_write.effect = WriteEffect::physical;
    fact.control_write.refused = refused;
    return tell(fact);
  }
  Story& claim(const char* address, const char* mac, const char* asked = "192.168.1.1") {
    Fact fact = base(FactKind::claim, address, asked);
    fact.source_mac = mac_of(mac);
    fact.claim = {};
    fact.claim.mac = fact.claim.frame_source = fact.source_mac;
    return tell(fact);
  }
  Story& tell(const Fact& fact) {
    for (int i = 0; i < repeats; ++i) learner.fact(fact);
    return *this;
  }
  int repeats = 1;

  Draft draft() const { return learner.draft({"home", "Asia/Tokyo", "a story"}); }

 private:
  std::uint64_t flow_ = 0;
};

// A home: controller, battery, meter, router, and what they say in `hours`.
inline void tell_home(Story& story, int hours) {
  constexpr std::uint8_t udp = 17, tcp = 6;
  story.claim("192.168.1.1", "00:11:22:00:00:01", "192.168.1.2");
  story.claim("192.168.1.2", "00:11:22:00:00:02").claim("192.168.1.20", "00:11:22:00:00:20");
  story.claim("192.168.1.30", "00:11:22:00:00:30").claim("fe80::2", "00:11:22:00:00:02", "fe80::1");
  Fact lease = story.base(FactKind::address_assignment, "192.168.1.1", "192.168.1.20");
  lease.address_assignment = {};
  lease.address_assignment.server = lease.address_assignment.router = lease.address_assignment.resolver =
      ip("192.168.1.1");
  story.tell(lease);
  story.object("192.168.1.2", 0x05ff01, ObjectSeen::How::asks).object("192.168.1.20", 0x027d01);
  story.object("192.168.1.30", 0x028801).object("192.168.1.20", 0x0ef001);
  for (int hour = 0; hour < hours; ++hour) {
    story.talk("192.168.1.2", "192.168.1.20", udp, 3610, 20, true, "00:11:22:00:00:02", false,
               AppProtocol::echonet_lite);
    story.talk("192.168.1.2", "192.168.1.30", udp, 3610, 20, true, "00:11:22:00:00:02", false,
               AppProtocol::echonet_lite);
    story.write("192.168.1.2", "192.168.1.20", 0x027d01);
    story.talk("192.168.1.2", "203.0.113.10", tcp, 443, 2, true, "00:11:22:00:00:02");
    story.talk("192.168.1.20", "192.0.2.123", udp, 123, 0, true, "00:11:22:00:00:20");
    story.talk("192.168.1.2", "192.168.1.1", udp, 53, 0, true, "00:11:22:00:00:02");
    story.talk("192.168.1.1", "198.51.100.53", udp, 53, 0, true, "00:11:22:00:00:01");
    story.after(18 * 60);
  }
}

}  // namespace tsujiban::learn
