// The indexed allow list against the plainest reading of its rules: every entry, every name, one after the other.
#include <gtest/gtest.h>

#include <random>

#include "output/timestamp.h"
#include "policy/allow_list.h"
#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

class Oracle {
 public:
  explicit Oracle(std::shared_ptr<const Inventory> inventory)
      : inventory_(std::move(inventory)), config_(inventory_->config()), stamps_(config_.timezone) {}

  // Days since 1970, minutes and the second that the site's clocks show, read off the text that events have.
  struct Clock {
    int weekday, minute;  // 0 is Monday.
    std::int64_t local_s;
  };
  Clock clock(PacketTime time) {
    char text[output::TimestampWriter::text_size];
    stamps_.write(time, text);
    const auto number = [&](int at, int digits) {
      int value = 0;
      for (int i = 0; i < digits; ++i) value = value * 10 + (text[at + i] - '0');
      return value;
    };
    const int minutes = number(27, 2) * 60 + number(29, 2);
    const std::int64_t second = time.ns / 1'000'000'000 - (time.ns % 1'000'000'000 < 0);
    const std::int64_t local_s = second + (text[26] == '-' ? -minutes : minutes) * 60;
    // Sakamoto's method, for another way to the weekday; 0 is Sunday.
    const int month = number(5, 2), year = number(0, 4) - (month < 3);
    constexpr int shift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    const int sunday_based = (year + year / 4 - year / 100 + year / 400 + shift[month - 1] + number(8, 2)) % 7;
    return {(sunday_based + 6) % 7, number(11, 2) * 60 + number(14, 2), local_s};
  }
  static bool within(const config::TimeWindow& w, const Clock& c) {
    // Every minute of the week that the window has.
    for (int day = 0; day < 7; ++day) {
      if ((w.days >> day & 1) == 0) continue;
      const int length = w.to_minute > w.from_minute ? w.to_minute - w.from_minute : 1440 - w.from_minute + w.to_minute;
      const int from = day * 1440 + w.from_minute;
      const int now = c.weekday * 1440 + c.minute;
      if ((now >= from && now < from + length) || (now + 7 * 1440 >= from && now + 7 * 1440 < from + length))
        return true;
    }
    return false;
  }

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
  // What a host is called; `every`: by all domains that there are.
  struct Called {
    std::vector<std::string> names;
    bool every = false;
  };
  bool is_called(const Called& called, const config::Domain& domain) const {
    if (called.every) return true;
    for (const std::string& name : called.names) {
      if (name.ends_with("." + domain.name) || (name == domain.name && !domain.below_only)) return true;
    }
    return false;
  }
  bool names(const config::Endpoint& end, SegmentKey link, const IpAddress& address, const Called& called) const {
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
      case config::Endpoint::Kind::domain:
        return is_called(called, config_.domains[end.index]);
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

  Verdict judge(const Conversation& c, const Called& initiator, const Called& responder, bool open) {
    Verdict v = judge_once(c, initiator, responder);
    if (!v.judged || v.allowed) return v;
    const Verdict any = judge_once(c, initiator, {{}, true});
    if (!any.allowed) return v;
    v.entry = any.entry;
    v.allowed = v.awaits_name = open;
    v.reason = open ? Reason::listed : Reason::name_not_known;
    return v;
  }

 private:
  Verdict judge_once(const Conversation& c, const Called& initiator, const Called& responder) {
    Verdict v;
    const Clock now = clock(c.time);
    v.initiator_asset = asset(c.link, c.initiator);
    v.responder_asset = asset(c.link, c.responder);
    if (v.initiator_asset == 0 && v.responder_asset == 0) return v;
    v.judged = true;
    bool named = false;
    int best = 0;  // 1 direction, 2 port, 3 protocol, 4 expired, 5 hours, 6 provisional, 7 listed.
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
            if (!names(f, c.link, from, forward ? initiator : responder) ||
                !names(t, c.link, to, forward ? responder : initiator))
              continue;
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
        else if (!app && (c.app != AppProtocol::unknown || c.app_settled))
          outcome = 3;
        else if (now.local_s >= e.expires_local_s)
          outcome = 4;
        else if (!e.when.empty() &&
                 std::none_of(e.when.begin(), e.when.end(), [&](const auto& w) { return within(w, now); }))
          outcome = 5;
        else
          outcome = app ? 7 : 6;
        if (outcome > best) {
          best = outcome;
          v.entry = static_cast<std::uint32_t>(i) + 1;
        }
      }
    }
    v.provisional = best == 6;
    v.reason = best >= 6   ? Reason::listed
               : best == 5 ? Reason::outside_hours
               : best == 4 ? Reason::expired
               : best == 3 ? Reason::protocol_not_listed
               : best == 2 ? Reason::port_not_listed
               : best == 1 ? Reason::direction_not_listed
                           : Reason::not_listed;
    if (best < 6) {
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

  std::shared_ptr<const Inventory> inventory_;
  const config::Config& config_;
  output::TimestampWriter stamps_;
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

constexpr std::array<const char*, 5> domain_texts = {"a.jp", "b.a.jp", "\"*.b.a.jp\"", "\"*.a.jp\"", "c.example.com"};
constexpr std::array<const char*, 6> host_names = {"a.jp", "b.a.jp", "x.b.a.jp", "ba.jp", "c.example.com", "jp"};

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
    switch (random() % 8) {
      case 6:
        return domain_texts[random() % domain_texts.size()];
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

// Around the night of 2026-11-01, in which New York leaves summer time.
constexpr std::int64_t middle_s = 1'793'512'800;
PacketTime random_time(std::mt19937_64& random) {
  return {(middle_s + static_cast<std::int64_t>(random() % (14 * 86400)) - 7 * 86400) * 1'000'000'000 +
          static_cast<std::int64_t>(random() % 1'000'000'000)};
}

// The same site with hours and last days for some of its entries, and somewhere on earth.
std::shared_ptr<const Inventory> with_times(const Inventory& plain, std::mt19937_64& random) {
  auto config = std::make_shared<config::Config>(plain.config());
  const char* zones[] = {"UTC", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"};
  config->timezone = zones[random() % 4];
  for (config::AllowEntry& entry : config->allow) {
    if (random() % 3 == 0) {
      for (std::uint64_t n = 1 + random() % 3; n > 0; --n) {
        config::TimeWindow window;
        window.days = static_cast<std::uint8_t>(1 + random() % 127);
        window.from_minute = static_cast<std::uint16_t>(random() % 4 == 0 ? 0 : random() % 1440);
        window.to_minute = static_cast<std::uint16_t>(random() % 4 == 0   ? 1440
                                                      : random() % 8 == 0 ? window.from_minute
                                                                          : random() % 1441);
        entry.when.push_back(window);
      }
    }
    if (random() % 4 == 0) {
      const std::int64_t day = middle_s / 86400 + static_cast<std::int64_t>(random() % 9) - 4;
      entry.expires_local_s = day * 86400;
    }
  }
  return std::make_shared<const Inventory>(std::move(config), HashSeed{random(), random()});
}

void expect_same(const Verdict& got, const Verdict& expected, const std::string& where) {
  ASSERT_EQ(name_of(got.reason), name_of(expected.reason)) << where;
  ASSERT_EQ(got.entry, expected.entry) << where;
  ASSERT_EQ(got.allowed, expected.allowed) << where;
  ASSERT_EQ(got.judged, expected.judged) << where;
  ASSERT_EQ(got.provisional, expected.provisional) << where;
  ASSERT_EQ(got.awaits_name, expected.awaits_name) << where;
  ASSERT_EQ(got.initiator_asset, expected.initiator_asset) << where;
  ASSERT_EQ(got.responder_asset, expected.responder_asset) << where;
}

TEST(AllowListDifferential, agrees_with_a_search_through_all_entries) {
  std::mt19937_64 random(20261121);
  std::array<std::uint64_t, static_cast<std::size_t>(Reason::count_)> seen{};
  std::uint64_t ran_out = 0;
  for (int site = 0; site < 400; ++site) {
    const std::string text = random_site(random);
    const auto plain = inventory_of(text);
    const auto inventory = site % 2 == 0 ? plain : with_times(*plain, random);
    const AllowList list(inventory, {random(), random()});
    Oracle oracle(inventory);
    for (int i = 0; i < 200; ++i) {
      Conversation c;
      if (random() % 3 != 0) c.link.push_vlan(static_cast<std::uint16_t>(1 + random() % 2));
      c.time = random_time(random);
      c.initiator = random_address(random);
      c.responder = random_address(random);
      c.initiator_port = static_cast<std::uint16_t>(1 + random() % 5);
      c.responder_port = static_cast<std::uint16_t>(1 + random() % 5);
      c.protocol = random() % 8 == 0 ? 132 : random() % 2 == 0 ? 6 : 17;
      c.app = random() % 3 == 0 ? AppProtocol::echonet_lite : AppProtocol::unknown;
      c.app_settled = random() % 2 == 0;
      c.direction_certain = random() % 4 != 0;
      // Each host may be called by a name; the list is given the domains of it.
      std::array<Oracle::Called, 2> called;
      std::array<Domains, 2> domains;
      for (std::size_t side = 0; side < 2; ++side) {
        if (random() % 2 == 0) continue;
        called[side].names.push_back(host_names[random() % host_names.size()]);
        domains[side] = list.domains_of(called[side].names[0]);
      }
      const bool open = random() % 4 == 0;
      const Verdict got = list.judge(c, {domains[0], domains[1], open});
      ++seen[static_cast<std::size_t>(got.reason)];
      const std::string where = text + inventory->config().timezone + " " + std::to_string(c.time.ns) + " " +
                                to_string(c.initiator) + ":" + std::to_string(c.initiator_port) + " > " +
                                to_string(c.responder) + ":" + std::to_string(c.responder_port) + " called " +
                                (called[0].names.empty() ? "" : called[0].names[0]) + " and " +
                                (called[1].names.empty() ? "" : called[1].names[0]);
      ASSERT_NO_FATAL_FAILURE(expect_same(got, oracle.judge(c, called[0], called[1], open), where));
      // Nothing changes before it runs out.
      ASSERT_GT(got.valid_until, c.time);
      if (got.valid_until.ns == std::numeric_limits<std::int64_t>::max()) continue;
      ++ran_out;
      const auto left = static_cast<std::uint64_t>(got.valid_until.ns - c.time.ns);
      for (const std::uint64_t later : {random() % left, random() % left, left - 1}) {
        Conversation then = c;
        then.time.ns += static_cast<std::int64_t>(later);
        ASSERT_NO_FATAL_FAILURE(expect_same(got, oracle.judge(then, called[0], called[1], open), where + " later"));
      }
    }
  }
  EXPECT_GT(ran_out, 1000u);
  // Every outcome was among them but housekeeping, which the addresses above leave out.
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (i == static_cast<std::size_t>(Reason::housekeeping)) continue;
    EXPECT_GT(seen[i], 100u) << name_of(static_cast<Reason>(i));
  }
}

TEST(AllowListScale, a_million_entries_of_a_hundred_thousand_assets_are_found_by_their_names) {
  config::Config config = *config::defaults();
  constexpr std::uint32_t assets = 100000, count = 1000000;
  for (std::uint32_t i = 0; i < assets; ++i) {
    config::Asset asset;
    asset.name = "meter-" + std::to_string(i);
    asset.role = Role::meter;
    asset.addresses.push_back(IpAddress::v4(0x0a000000u + i));
    config.assets.push_back(std::move(asset));
  }
  config.allow.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    config::AllowEntry entry;
    config::Endpoint from, to;
    from.kind = config::Endpoint::Kind::asset;
    from.index = i % assets;
    to.kind = config::Endpoint::Kind::prefix;
    to.prefix = {IpAddress::v4(0xc0000000u + i), 32};
    entry.from.push_back(from);
    entry.to.push_back(to);
    entry.ports.push_back({6, static_cast<std::uint16_t>(1 + i % 1000), static_cast<std::uint16_t>(1 + i % 1000)});
    config.allow.push_back(std::move(entry));
  }
  const AllowList list(std::make_shared<const Inventory>(std::make_shared<const config::Config>(std::move(config))));
  for (std::uint32_t i = 0; i < count; i += 3) {
    Conversation c;
    c.initiator = IpAddress::v4(0x0a000000u + i % assets);
    c.responder = IpAddress::v4(0xc0000000u + i);
    c.responder_port = static_cast<std::uint16_t>(1 + i % 1000);
    c.protocol = 6;
    const Verdict verdict = list.judge(c);
    ASSERT_EQ(verdict.entry, i + 1);
    ASSERT_TRUE(verdict.allowed);
    c.responder = IpAddress::v4(0xc0000000u + i + 1);
    ASSERT_FALSE(list.judge(c).allowed);
  }
}

}  // namespace
}  // namespace tsujiban::policy
