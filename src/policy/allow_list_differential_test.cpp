// The indexed allow list against the plainest reading of its rules: every entry, every name, one after the other.
#include <gtest/gtest.h>

#include <random>

#include "policy/allow_list.h"
#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

class Oracle {
 public:
  explicit Oracle(std::shared_ptr<const Inventory> inventory)
      : inventory_(std::move(inventory)), config_(inventory_->config()) {}

  std::uint32_t segment(SegmentKey link, const IpAddress& address) const {
    for (const bool any_link : {false, true}) {
      std::uint32_t best = 0;
      int longest = -1;
      for (std::size_t i = 0; i < config_.segments.size(); ++i) {
        const config::Segment& s = config_.segments[i];
        if (s.any_link != any_link || (!any_link && s.key != link)) continue;
        for (const IpPrefix& p : s.prefixes) {
          if (p.contains(address) && int{p.length} > longest)
            longest = p.length, best = static_cast<std::uint32_t>(i) + 1;
        }
      }
      if (best != 0) return best;
    }
    return 0;
  }
  std::uint32_t asset(SegmentKey link, const IpAddress& address) const {
    for (const bool any_link : {false, true}) {
      for (std::size_t i = 0; i < config_.assets.size(); ++i) {
        const config::Asset& a = config_.assets[i];
        const config::Segment* s = a.segment == 0 ? nullptr : &config_.segments[a.segment - 1];
        const bool on_any = s == nullptr || s->any_link;
        if (on_any != any_link || (!on_any && s->key != link)) continue;
        for (const IpAddress& own : a.addresses) {
          if (own == address) return static_cast<std::uint32_t>(i) + 1;
        }
      }
    }
    return 0;
  }
  bool names(const config::Endpoint& end, SegmentKey link, const IpAddress& address) const {
    const std::uint32_t a = asset(link, address);
    switch (end.kind) {
      case config::Endpoint::Kind::any:
        return true;
      case config::Endpoint::Kind::asset:
        return a == end.index + 1;
      case config::Endpoint::Kind::role:
        return a != 0 && config_.assets[a - 1].role == end.role;
      case config::Endpoint::Kind::segment:
        return segment(link, address) == end.index + 1 || (a != 0 && config_.assets[a - 1].segment == end.index + 1);
      case config::Endpoint::Kind::prefix:
        return end.prefix.contains(address);
    }
    return false;
  }
  static bool specific(const config::Endpoint& end) {
    return end.kind != config::Endpoint::Kind::any &&
           !(end.kind == config::Endpoint::Kind::prefix && end.prefix.length == 0);
  }
  static bool port(const config::AllowEntry& entry, std::uint8_t protocol, std::uint16_t port) {
    if (entry.ports.empty()) return true;
    if (protocol != 6 && protocol != 17) return false;
    for (const config::PortRange& r : entry.ports) {
      if ((r.protocol == 0 || r.protocol == protocol) && port >= r.first && port <= r.last) return true;
    }
    return false;
  }

  Verdict judge(const Conversation& c) const {
    Verdict v;
    v.initiator_asset = asset(c.link, c.initiator);
    v.responder_asset = asset(c.link, c.responder);
    if (v.initiator_asset == 0 && v.responder_asset == 0) return v;
    v.judged = true;
    bool named = false;
    int best = 0;  // 1 direction, 2 port, 3 protocol, 4 provisional, 5 listed.
    const bool may_be_answer =
        !c.direction_certain ||
        (c.protocol == 17 && (c.initiator_port == c.responder_port || c.app == AppProtocol::echonet_lite));
    for (std::size_t i = 0; i < config_.allow.size(); ++i) {
      const config::AllowEntry& e = config_.allow[i];
      for (const bool forward : {true, false}) {
        const IpAddress &from = forward ? c.initiator : c.responder, &to = forward ? c.responder : c.initiator;
        bool match = false;
        for (const config::Endpoint& f : e.from) {
          for (const config::Endpoint& t : e.to) {
            if (!names(f, c.link, from) || !names(t, c.link, to)) continue;
            match = true;
            named = named || (specific(f) && specific(t));
          }
        }
        if (!match) continue;
        int outcome = 0;
        const bool asked = (forward || e.both_directions) && port(e, c.protocol, c.responder_port);
        const bool answered = (!forward || e.both_directions) && may_be_answer && port(e, c.protocol, c.initiator_port);
        bool app = e.protocols.empty();
        for (const AppProtocol p : e.protocols) app = app || p == c.app;
        if (!forward && !e.both_directions && !may_be_answer)
          outcome = 1;
        else if (!asked && !answered)
          outcome = 2;
        else if (app)
          outcome = 5;
        else
          outcome = c.app == AppProtocol::unknown && !c.app_settled ? 4 : 3;
        if (outcome > best) {
          best = outcome;
          v.entry = static_cast<std::uint32_t>(i) + 1;
        }
      }
    }
    v.provisional = best == 4;
    v.reason = best >= 4   ? Reason::listed
               : best == 3 ? Reason::protocol_not_listed
               : best == 2 ? Reason::port_not_listed
               : best == 1 ? Reason::direction_not_listed
                           : Reason::not_listed;
    if (best < 4) {
      const auto home = [&](std::uint32_t a) { return a == 0 ? 0 : config_.assets[a - 1].segment; };
      if (!named && home(v.initiator_asset) != 0 && home(v.initiator_asset) == home(v.responder_asset)) {
        v.reason = Reason::neighbours;
        v.entry = 0;
      } else {
        v.allowed = false;
      }
    }
    return v;
  }

 private:
  std::shared_ptr<const Inventory> inventory_;
  const config::Config& config_;
};

IpAddress random_address(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0:
      return IpAddress::v4(0xc0a80100u | static_cast<std::uint32_t>(1 + random() % 6));
    case 1:
      return IpAddress::v4(0x0a000000u | static_cast<std::uint32_t>(random() % 2 << 16 | (1 + random() % 6)));
    case 2:
      return IpAddress::v4(0xcb007100u | static_cast<std::uint32_t>(1 + random() % 4));
    default:
      return {0x20010db800000000u | random() % 2, 1 + random() % 6};
  }
}

std::string random_site(std::mt19937_64& random) {
  std::string text =
      "segments:\n"
      "  - {name: s1, prefix: 192.168.1.0/24, vlan: 1}\n  - {name: s2, prefix: 192.168.1.0/24, vlan: 2}\n"
      "  - {name: s3, prefix: [10.0.0.0/8, \"2001:db8::/32\"]}\n  - {name: s4, prefix: 10.1.0.0/16}\n  - {name: s5, "
      "prefix: 192.168.1.4/30, vlan: 2}\nassets:\n";
  const char* roles[] = {"ems", "device", "meter", "aggregator"};
  std::vector<std::string> taken;
  for (int i = 0; i < 14; ++i) {
    const IpAddress a = random_address(random);
    std::string segment;
    if (a.is_v4() && a.as_v4() >> 16 == 0xc0a8)
      segment = random() % 4 == 0 ? "" : random() % 2 ? "s1" : "s2";
    else if (!a.is_v4() || a.as_v4() >> 24 == 10)
      segment = random() % 3 == 0 ? "" : "s3";
    const std::string key = to_string(a) + (segment == "s1" || segment == "s2" ? segment : "");
    if (std::find(taken.begin(), taken.end(), key) != taken.end()) continue;
    taken.push_back(key);
    text += "  - {name: a" + std::to_string(taken.size()) + ", role: " + roles[random() % 4] + ", address: \"" +
            to_string(a) + "\"" + (segment.empty() ? "" : ", segment: " + segment) + "}\n";
  }
  text += "allow:\n";
  const auto end = [&]() -> std::string {
    switch (random() % 6) {
      case 0:
        return "\"a" + std::to_string(1 + random() % taken.size()) + "\"";
      case 1:
        return "role:" + std::string(roles[random() % 4]);
      case 2:
        return "\"segment:s" + std::to_string(1 + random() % 5) + "\"";
      case 3:
        return "\"" + to_string(random_address(random)) + "\"";
      case 4: {
        const IpAddress a = random_address(random);
        const unsigned length = static_cast<unsigned>(random() % (a.is_v4() ? 33 : 129));
        return "\"" + to_string(IpPrefix{masked(a, length), static_cast<std::uint8_t>(length)}) + "\"";
      }
      default:
        return random() % 4 == 0 ? "any" : "role:ems";
    }
  };
  const int entries = static_cast<int>(1 + random() % 12);
  for (int i = 0; i < entries; ++i) {
    std::string from = end(), second = end(), to = end();
    if (from != second && random() % 2 == 0) from = "[" + from + ", " + second + "]";
    text += "  - {from: " + from + ", to: " + to;
    if (random() % 2 == 0) text += ", ports: [tcp/1-2, udp/" + std::to_string(1 + random() % 4) + "]";
    if (random() % 4 == 0) text += ", protocols: echonet_lite";
    if (random() % 3 == 0) text += ", direction: both";
    text += "}\n";
  }
  return text;
}

TEST(AllowListDifferential, agrees_with_a_search_through_all_entries) {
  std::mt19937_64 random(20261121);
  std::array<std::uint64_t, static_cast<std::size_t>(Reason::count_)> seen{};
  for (int site = 0; site < 300; ++site) {
    const std::string text = random_site(random);
    const auto inventory = inventory_of(text);
    const AllowList list(inventory, {random(), random()});
    const Oracle oracle(inventory);
    for (int i = 0; i < 200; ++i) {
      Conversation c;
      if (random() % 3 != 0) c.link.push_vlan(static_cast<std::uint16_t>(1 + random() % 2));
      c.initiator = random_address(random);
      c.responder = random_address(random);
      c.initiator_port = static_cast<std::uint16_t>(1 + random() % 5);
      c.responder_port = static_cast<std::uint16_t>(1 + random() % 5);
      c.protocol = random() % 8 == 0 ? 132 : random() % 2 == 0 ? 6 : 17;
      c.app = random() % 3 == 0 ? AppProtocol::echonet_lite : AppProtocol::unknown;
      c.app_settled = random() % 2 == 0;
      c.direction_certain = random() % 4 != 0;
      const Verdict expected = oracle.judge(c), got = list.judge(c);
      ++seen[static_cast<std::size_t>(got.reason)];
      ASSERT_EQ(got.reason, expected.reason) << text << to_string(c.initiator) << ":" << c.initiator_port << " > "
                                             << to_string(c.responder) << ":" << c.responder_port;
      ASSERT_EQ(got.entry, expected.entry) << text;
      ASSERT_EQ(got.allowed, expected.allowed);
      ASSERT_EQ(got.judged, expected.judged);
      ASSERT_EQ(got.provisional, expected.provisional);
      ASSERT_EQ(got.initiator_asset, expected.initiator_asset);
      ASSERT_EQ(got.responder_asset, expected.responder_asset);
    }
  }
  // Every outcome was among them but housekeeping, which the addresses above leave out.
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (i == static_cast<std::size_t>(Reason::housekeeping)) continue;
    EXPECT_GT(seen[i], 100u) << name_of(static_cast<Reason>(i));
  }
}

TEST(AllowListScale, a_hundred_thousand_entries_are_found_by_their_names) {
  config::Config config = *config::defaults();
  constexpr std::uint32_t count = 100000;
  for (std::uint32_t i = 0; i < count; ++i) {
    config::Asset asset;
    asset.name = "meter-" + std::to_string(i);
    asset.role = Role::meter;
    asset.addresses.push_back(IpAddress::v4(0x0a000000u + i));
    config.assets.push_back(asset);
    config::AllowEntry entry;
    config::Endpoint from, to;
    from.kind = config::Endpoint::Kind::asset;
    from.index = i;
    to.kind = config::Endpoint::Kind::prefix;
    to.prefix = {IpAddress::v4(0xc0000000u + i), 32};
    entry.from.push_back(from);
    entry.to.push_back(to);
    config.allow.push_back(entry);
  }
  const AllowList list(std::make_shared<const Inventory>(std::make_shared<const config::Config>(std::move(config))));
  for (std::uint32_t i = 0; i < count; ++i) {
    Conversation c;
    c.initiator = IpAddress::v4(0x0a000000u + i);
    c.responder = IpAddress::v4(0xc0000000u + i);
    c.protocol = 6;
    ASSERT_EQ(list.judge(c).entry, i + 1);
    c.responder = IpAddress::v4(0xc0000000u + i + 1);
    ASSERT_FALSE(list.judge(c).allowed);
  }
}

}  // namespace
}  // namespace tsujiban::policy
