// The draft as text: YAML that the configuration's reader accepts, and a few lines for people.
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "config/config.h"
#include "learn/draft.h"
#include "output/timestamp.h"
#include "policy/allow_list.h"

namespace tsujiban::learn {
namespace {

constexpr std::uint8_t protocol_tcp = 6, protocol_udp = 17, protocol_icmp = 1, protocol_icmpv6 = 58;
constexpr std::uint16_t a_client_port = 50'000;  // Stands for whatever port a client took.
constexpr std::size_t ends_per_entry_max = 1000;
constexpr std::size_t role_members_min = 3;
constexpr std::size_t summary_lines_max = 20;
constexpr std::size_t reviews_told_max = 16;  // Of one asset, or of one of many homes.
constexpr std::size_t identity_shown = 8;     // 0xFE and three bytes of maker code, in hex.

// A scalar of YAML: plain where it cannot be taken for something else.
std::string quoted(const std::string& text) { return '"' + text + '"'; }
std::string scalar(const IpAddress& address) {
  const std::string text = to_string(address);
  return address.is_v4() ? text : quoted(text);
}
std::string scalar(const IpPrefix& prefix) {
  const std::string text = to_string(prefix);
  return prefix.address.is_v4() ? text : quoted(text);
}
template <class Items, class Text>
std::string list_of(const Items& items, Text&& text) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ", ";
    out += text(item);
  }
  return items.size() == 1 ? out : '[' + out + ']';
}

std::string counted(std::uint64_t count, const char* what) {
  return grouped(count) + ' ' + what + (count == 1 ? "" : "s");
}

std::string port_text(const Host::Port& port) {
  return (port.protocol == protocol_tcp ? "tcp/" : "udp/") + std::to_string(port.port);
}

// A name as `site: {name:}` accepts it.
std::string site_name_of(const std::string& wanted) {
  std::string name;
  for (const char c : wanted.substr(0, 48)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    name += plain ? c : '-';
  }
  const bool has_letter =
      std::any_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  return !has_letter || name.front() == '-' || name == "any" ? "site" + (name.empty() ? "" : '-' + name) : name;
}

class Clock {
 public:
  explicit Clock(const std::string& zone) : zone_(zone), writer_(make(zone_)) {}
  const std::string& zone() const noexcept { return zone_; }
  std::string text(PacketTime time) {
    char to[output::TimestampWriter::text_size];
    writer_.write(time, to);
    std::string out(to, 16);  // To the minute.
    out[10] = ' ';
    return out;
  }
  // "2026-04-06 00:00 to 23:59"
  std::string text(const Seen& seen) {
    if (!seen.ever) return "never";
    std::string first = text(seen.first);
    const std::string last = text(seen.last);
    if (first == last) return first;
    return first + " to " + (first.substr(0, 10) == last.substr(0, 10) ? last.substr(11) : last);
  }

 private:
  static output::TimestampWriter make(std::string& zone) {
    try {
      const bool plain = zone.size() <= 64 && std::all_of(zone.begin(), zone.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                  c == '/' || c == '_' || c == '-' || c == '+';
                         });
      if (plain) return output::TimestampWriter(zone);
    } catch (const std::exception&) {
      // Said in the file by its `timezone`.
    }
    zone = "UTC";
    return output::TimestampWriter(zone);
  }
  std::string zone_;
  output::TimestampWriter writer_;
};

// What was seen between two ends, in the words of the site file.
struct Total {
  Seen seen;
  std::uint64_t flows = 0, packets = 0;
  void add(const Pair& pair) noexcept {
    seen.at(pair.seen.first), seen.at(pair.seen.last);
    flows += pair.flows, packets += pair.packets;
  }
  void add(const Total& other) noexcept {
    if (other.seen.ever) seen.at(other.seen.first), seen.at(other.seen.last);
    flows += other.flows, packets += other.packets;
  }
};

struct End {
  std::string text;  // As an entry names it.
  bool far = false;  // An address that is no asset.
  IpAddress address;
  std::uint32_t asset = 0;  // Index + 1.
  bool operator<(const End& other) const noexcept { return text < other.text; }
  bool operator==(const End& other) const noexcept { return text == other.text; }
};

class Writing {
 public:
  Writing(const Memory& memory, const DraftOptions& options)
      : memory_(memory), options_(options), site_(site_of(memory)), clock_(options.timezone) {}

  Draft write() {
    const std::string inventory = segments() + assets();
    const std::string head =
        "site: {name: " + site_name_of(options_.site_name) + ", timezone: " + clock_.zone() + "}\n";
    collect_entries(head + inventory);
    const std::string entries = allow() + control();
    Draft draft;
    draft.yaml = header() + head + outputs() + inventory + entries;
    draft.summary = summary();
    return draft;
  }

 private:
  struct Entry {
    std::vector<End> from, to;
    std::string ports;  // Empty: any.
    Total total;
    std::string review;
    bool left_out = false;
  };

  std::string header() {
    std::string text = "# Drafted by `tsujiban learn`";
    if (!options_.source.empty()) text += " from " + clean(options_.source);
    text += ", seen " + clock_.text(memory_.seen) + " (" + clock_.zone() + ").\n";
    text +=
        "# Read it before it watches: what was there while it learned is in it, an intruder too.\n"
        "# REVIEW marks what nobody should accept blindly. Lines with REVIEW that begin with `# -` are not in force, "
        "so\n"
        "# that what they name alerts until somebody takes the `#` away; the others are in force, and want a look.\n"
        "# Flows are counted when they begin; packets are those told once a minute, so there were at least so many.\n";
    const Duration span = span_of(memory_.seen.first, memory_.seen.last);
    if (span < Duration::seconds(86'400))
      text +=
          "# REVIEW: " + duration_text(span.ns) + " of traffic show no habits of days and weeks; learn from longer.\n";
    const LeftOut& left = memory_.left_out;
    if (left.any()) {
      text += "# REVIEW: more was seen than is kept, and is left out:";
      std::string list;
      const auto add = [&](bool holds, const std::string& what) {
        if (holds) list += (list.empty() ? " " : ", ") + what;
      };
      add(left.links, "links beyond the first " + grouped(memory_.links.capacity()));
      add(left.hosts, "hosts that came later");
      add(left.macs, "MACs beyond the first " + grouped(memory_.macs.capacity()));
      add(left.flows != 0, grouped(left.flows) + " flows of later peers");
      add(left.writes != 0, grouped(left.writes) + " writes of later writers");
      text += list + ".\n";
    }
    for (const std::string& note : site_.notes) text += "# REVIEW: " + note + ".\n";
    return text;
  }

  std::string outputs() const {
    return "# outputs:\n"
           "#   - {kind: eve, path: eve.json, rotate: 1GiB}\n"
           "# metrics: {listen: \"127.0.0.1:9836\"}\n";
  }

  std::string segments() {
    if (site_.segments.empty())
      return "# No segment: no host with a private address, or one claimed on its link, spoke.\n";
    std::string text = "segments:\n";
    for (const SegmentDraft& s : site_.segments) {
      if (s.home != 0) {
        if (s.home_first) text += homes(s);
        continue;
      }
      text += "  - {name: " + s.name + ", prefix: " + list_of(s.prefixes, [](const IpPrefix& p) { return scalar(p); });
      if (s.key.is_pan()) {
        text += ", pan: \"0x" + s.name.substr(4) + '"';
      } else {
        if (s.key.has_vni()) text += ", vni: " + std::to_string(s.key.vni_value());
        std::vector<std::string> tags;
        for (unsigned i = 0; i < s.key.vlan_count(); ++i) tags.push_back(std::to_string(s.key.vlan(i)));
        if (!tags.empty()) text += ", vlan: " + list_of(tags, [](const std::string& t) { return t; });
      }
      if (s.interface != ErabInterface::none) text += ", erab: " + std::string(name_of(s.interface));
      text += "}\n";
    }
    return text;
  }

  // Homes of one shape on VLANs in a row: one entry, with what was seen of all of them.
  std::string homes(const SegmentDraft& first) {
    const std::uint16_t vlan = first.key.vlan(0);
    const auto index = static_cast<std::uint32_t>(&first - site_.segments.data());
    const std::uint32_t count = first.home_last_vlan - vlan + 1u;
    const auto lower = [&](std::uint32_t segment) {
      return std::lower_bound(site_.assets.begin(), site_.assets.end(), segment,
                              [](const AssetDraft& a, std::uint32_t s) { return a.segment < s; });
    };
    const auto begin = lower(index), end = lower(index + 1);
    const std::string name = "home-" + std::to_string(first.home);
    std::string text = "  # " + grouped(count) + " homes alike, VLAN " + std::to_string(vlan) + " to " +
                       std::to_string(first.home_last_vlan) + "; counts are of all of them\n";
    std::string list;
    for (auto a = begin; a != end; ++a) {
      AssetDraft all = *a;
      for (std::uint32_t home = 1; home < count; ++home) {
        const AssetDraft& other = *(lower(index + home) + (a - begin));
        if (other.seen.ever) all.seen.at(other.seen.first), all.seen.at(other.seen.last);
        all.flows += other.flows, all.packets += other.packets;
        all.silence_ns_max = std::max(all.silence_ns_max, other.silence_ns_max);
        for (std::size_t i = 0; i < Host::gaps_max; ++i)
          all.gaps[i] += std::min(other.gaps[i], UINT32_MAX - all.gaps[i]);
        for (const std::string& review : other.reviews) {
          if (std::find(all.reviews.begin(), all.reviews.end(), review) == all.reviews.end())
            all.reviews.push_back(review);
        }
      }
      all.name = '"' + all.kind + "-vlan{vlan}" + all.name.substr(all.kind.size() + 1 + first.tag.size()) + '"';
      all.mac = {};
      text += about(all);
      list += std::string(list.empty() ? "" : ",\n") + "       " + asset_line(all, false);
    }
    text += "  - {template: " + name + ", vlan: " + std::to_string(vlan) + '-' + std::to_string(first.home_last_vlan) +
            ", name: \"vlan-{vlan}\"";
    if (homes_told_.insert(first.home).second) {
      text += ", prefix: " + list_of(first.prefixes, [](const IpPrefix& p) { return scalar(p); });
      if (first.interface != ErabInterface::none) text += ", erab: " + std::string(name_of(first.interface));
      text += ",\n     assets: [\n" + list + ']';
    }
    return text + "}\n";
  }

  // The comments above an asset.
  std::string about(const AssetDraft& a) {
    std::string text = "  # role: ";
    if (a.evidence.empty()) text += "nothing told";
    for (std::size_t i = 0; i < a.evidence.size(); ++i) text += (i == 0 ? "" : ", ") + a.evidence[i];
    // The maker only: the rest names one meter or customer, which a draft need not.
    if (a.identity[0] != '\0')
      text += "; identity begins " + clean(std::string_view(a.identity.data()).substr(0, identity_shown));
    text += "; seen " + clock_.text(a.seen) + ", " + counted(a.flows, "flow") + ", " + counted(a.packets, "packet") +
            rhythm(a) + '\n';
    std::size_t told = 0;
    for (const std::string& review : a.reviews) {
      if (++told > reviews_told_max) break;
      text += std::string("  # REVIEW") + (a.left_out ? ", not in force: " : ": ") + review + '\n';
    }
    return text;
  }

  std::string asset_line(const AssetDraft& a, bool with_segment = true) const {
    std::string text = "{name: " + a.name + ", role: " + std::string(name_of(a.role)) +
                       ", address: " + list_of(a.addresses, [](const IpAddress& x) { return scalar(x); });
    if (with_segment) text += ", segment: " + site_.segments[a.segment].name;
    if (a.mac.value != 0) text += ", mac: " + quoted(to_string(a.mac));
    if (a.object != 0) text += ", object: \"" + object_text(a.object).substr(0, 6) + '"';
    if (!a.ports.empty() && !a.ports_more) {
      std::vector<Host::Port> ports = a.ports;
      std::sort(ports.begin(), ports.end(), [](const Host::Port& x, const Host::Port& y) {
        return std::pair(x.protocol, x.port) < std::pair(y.protocol, y.port);
      });
      text += ", ports: [";
      for (std::size_t i = 0; i < ports.size(); ++i) text += (i == 0 ? "" : ", ") + port_text(ports[i]);
      text += ']';
    }
    return text + '}';
  }

  // "usual gap up to 90 s, longest silence 12 min"
  static std::string rhythm(const AssetDraft& a) {
    std::uint64_t total = 0, sum = 0;
    for (const std::uint32_t gap : a.gaps) total += gap;
    if (total < 3) return {};
    std::size_t step = 0;
    while ((sum += a.gaps[step]) * 2 < total) ++step;
    const std::int64_t end_ns =
        step < std::size(gap_steps_s) ? Duration::seconds(gap_steps_s[step]).ns : a.silence_ns_max;
    return "; rhythm: usual gap up to " + duration_text(std::min(end_ns, a.silence_ns_max)) + ", longest silence " +
           duration_text(a.silence_ns_max);
  }

  std::string assets() {
    if (site_.assets.empty()) return {};
    std::string text;
    bool any = false;
    std::uint32_t segment = UINT32_MAX;
    for (const AssetDraft& a : site_.assets) {
      if (site_.segments[a.segment].home != 0) continue;  // With its template.
      if (a.segment != segment) text += "  # segment " + site_.segments[a.segment].name + '\n';
      segment = a.segment;
      text += about(a);
      text += (a.left_out ? "  # - " : "  - ") + asset_line(a) + '\n';
      any |= !a.left_out;
    }
    if (text.empty()) return {};
    return (any ? "assets:\n" : "# assets:\n") + text;
  }

  End end_of(std::uint64_t segment, const IpAddress& address) const {
    const HostRow* const row = site_.find(segment, address);
    if (row != nullptr && row->asset != 0) return {site_.assets[row->asset - 1].name, false, address, row->asset};
    return {scalar(address), true, address, 0};
  }

  // Every pair that the inventory alone does not allow, judged by the very code that will judge it.
  void collect_entries(const std::string& text) {
    std::vector<config::Fault> faults;
    const auto config = config::load_text("draft", text, faults);
    if (config == nullptr) {
      site_.notes.push_back("the draft could not be checked: " +
                            clean(faults.empty() ? "no reason given" : config::to_string(faults.front())));
      return;
    }
    const policy::AllowList list(std::make_shared<policy::Inventory>(config));
    std::vector<std::uint32_t> order;
    bool tcp_answered = false;
    for (std::uint32_t i = memory_.pairs.first(); i != 0; i = memory_.pairs.next(i)) {
      order.push_back(i);
      tcp_answered |= memory_.pairs.key(i).protocol == protocol_tcp && memory_.pairs.value(i).answered;
    }
    std::sort(order.begin(), order.end(), [&](std::uint32_t x, std::uint32_t y) {
      const PairKey &a = memory_.pairs.key(x), &b = memory_.pairs.key(y);
      return std::tie(a.segment, a.from, a.to, a.protocol, a.port) <
             std::tie(b.segment, b.from, b.to, b.protocol, b.port);
    });
    // By ends and by why it is left out (empty: it is not): the ports, and the sum of what was seen.
    struct Ends {
      End from, to;
      std::string review;
      bool operator<(const Ends& o) const noexcept {
        return std::tie(review, from.text, to.text) < std::tie(o.review, o.from.text, o.to.text);
      }
    };
    struct Got {
      std::set<std::pair<std::uint8_t, std::uint16_t>> ports;
      Total total;
    };
    std::map<Ends, Got> by_ends;
    for (const std::uint32_t i : order) {
      const PairKey& key = memory_.pairs.key(i);
      const Pair& pair = memory_.pairs.value(i);
      const policy::Verdict verdict = list.judge(conversation_of(key, pair));
      if (!verdict.judged || verdict.allowed) continue;
      Ends ends{end_of(key.segment, key.from), end_of(key.segment, key.to), {}};
      ends.review = review_of(key, pair, ends.from, ends.to, verdict, tcp_answered);
      Got& got = by_ends[ends];
      got.total.add(pair);
      if (key.protocol == protocol_tcp || key.protocol == protocol_udp) got.ports.insert({key.protocol, key.port});
    }
    // Same destination, ports and reason: one entry with many sources; then the same for destinations.
    std::map<std::tuple<std::string, std::string, End>, Entry> by_target;
    for (const auto& [ends, got] : by_ends) {
      bool wide = false;
      const std::string ports = ports_text(got.ports, wide);
      Entry& entry = by_target[{ends.review, ports, ends.to}];
      entry.from.push_back(ends.from);
      entry.to = {ends.to};
      entry.ports = ports, entry.review = ends.review, entry.left_out = !ends.review.empty();
      if (wide && entry.review.empty()) entry.review = "many ports, written as one range";
      entry.total.add(got.total);
    }
    std::map<std::tuple<std::string, std::string, std::vector<End>>, Entry> by_source;
    for (auto& [key, entry] : by_target) {
      std::sort(entry.from.begin(), entry.from.end());
      const auto [at, added] = by_source.try_emplace({entry.review, entry.ports, entry.from}, entry);
      if (added) continue;
      at->second.to.push_back(entry.to.front());
      at->second.total.add(entry.total);
    }
    for (auto& [key, entry] : by_source) entries_.push_back(std::move(entry));
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.left_out < b.left_out; });
  }

  policy::Conversation conversation_of(const PairKey& key, const Pair& pair) const noexcept {
    policy::Conversation c;
    c.link = SegmentKey::from_raw(key.segment);
    c.initiator = key.from, c.responder = key.to;
    c.protocol = key.protocol;
    c.responder_port = key.port;
    c.initiator_port = pair.same_port ? key.port : pair.from_port != 0 ? pair.from_port : a_client_port;
    if (key.protocol == protocol_icmp || key.protocol == protocol_icmpv6) {
      c.initiator_port = static_cast<std::uint16_t>(key.port >> 8);
      c.responder_port = key.port & 0xff;
    }
    for (std::size_t p = 1; p < app_protocol_count; ++p) {
      if (pair.apps == std::uint64_t{1} << p) c.app = static_cast<AppProtocol>(p);
    }
    c.direction_certain = !pair.uncertain;
    return c;
  }

  // Why an entry is not in force; empty: it is.
  std::string review_of(const PairKey& key, const Pair& pair, const End& from, const End& to,
                        const policy::Verdict& verdict, bool tcp_answered) const {
    const bool echonet = (pair.apps >> static_cast<unsigned>(AppProtocol::echonet_lite) & 1) != 0;
    const auto public_peer = [](const End& e) {
      return e.far && !e.address.is_private() && !e.address.is_link_local() && !e.address.is_multicast();
    };
    if (echonet && (public_peer(from) || public_peer(to)))
      return "a control protocol without encryption, with a public address";
    if (verdict.inbound_from_outside || public_peer(from))
      return !pair.answered && key.protocol == protocol_udp ? "from outside, and not answered: perhaps only an answer"
                                                            : "a peer outside begins";
    for (const End* const e : {&from, &to}) {
      if (e->asset != 0 && site_.assets[e->asset - 1].left_out) return "one end is an asset that is not in force";
    }
    if (key.protocol != protocol_tcp && key.protocol != protocol_udp)
      return "a protocol without ports: the entry would allow all ports";
    if (key.port == 0) return "port 0, which nothing uses";
    if (!pair.answered && key.protocol == protocol_tcp && tcp_answered) return "never answered";
    if (!pair.answered && to.far && to.address.is_private()) return "never answered by a host that never spoke";
    return {};
  }

  static std::string ports_text(const std::set<std::pair<std::uint8_t, std::uint16_t>>& ports, bool& wide) {
    std::vector<std::string> texts;
    for (const std::uint8_t protocol : {protocol_tcp, protocol_udp}) {
      const auto first = ports.lower_bound({protocol, 0}), last = ports.upper_bound({protocol, 65535});
      const std::string word = protocol == protocol_tcp ? "tcp/" : "udp/";
      if (std::distance(first, last) > static_cast<std::ptrdiff_t>(ports_listed_max)) {
        wide = true;
        texts.push_back(word + std::to_string(std::max<std::uint16_t>(first->second, 1)) + '-' +
                        std::to_string(std::prev(last)->second));
        continue;
      }
      for (auto at = first; at != last; ++at) texts.push_back(word + std::to_string(at->second));
    }
    return texts.empty() ? std::string{} : list_of(texts, [](const std::string& t) { return t; });
  }

  // Peers of one network as its prefix; the rest by address. Only what is outside every segment.
  std::vector<std::string> targets(const std::vector<End>& to) const {
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<const End*>> networks;
    std::vector<std::string> texts;
    for (const End& end : to) {
      if (!end.far || end.address.is_private() || end.address.is_link_local() || end.address.is_multicast()) {
        texts.push_back(end.text);
      } else if (end.address.is_v4()) {
        networks[{0, end.address.as_v4() >> 8}].push_back(&end);
      } else {
        networks[{1, end.address.high}].push_back(&end);
      }
    }
    for (const auto& [network, ends] : networks) {
      const IpAddress base = network.first == 0 ? IpAddress::v4(static_cast<std::uint32_t>(network.second) << 8)
                                                : IpAddress{network.second, 0};
      const IpPrefix prefix{base, static_cast<std::uint8_t>(network.first == 0 ? 24 : 64)};
      const bool ours = std::any_of(site_.segments.begin(), site_.segments.end(), [&](const SegmentDraft& s) {
        return std::any_of(s.prefixes.begin(), s.prefixes.end(),
                           [&](const IpPrefix& p) { return p.contains(prefix.address) || prefix.contains(p.address); });
      });
      if (ends.size() >= prefix_from_addresses && !ours) {
        texts.push_back(scalar(prefix));
      } else {
        for (const End* const end : ends) texts.push_back(end->text);
      }
    }
    return texts;
  }

  // All assets of one role, where there are several, are the role.
  std::vector<std::string> sources(const std::vector<End>& from) const {
    std::vector<std::string> texts;
    texts.reserve(from.size());
    for (const End& end : from) texts.push_back(end.text);
    if (from.size() < role_members_min || from.front().asset == 0) return texts;
    const Role role = site_.assets[from.front().asset - 1].role;
    std::set<std::uint32_t> members;
    for (const End& end : from) {
      if (end.asset == 0 || site_.assets[end.asset - 1].role != role) return texts;
      members.insert(end.asset);
    }
    const auto count = std::count_if(site_.assets.begin(), site_.assets.end(),
                                     [&](const AssetDraft& a) { return a.role == role && !a.left_out; });
    if (static_cast<std::size_t>(count) != members.size()) return texts;
    return {"role:" + std::string(name_of(role))};
  }

  std::string told(const Total& total) {
    return counted(total.flows, "flow") + ", " + counted(total.packets, "packet") + ", " + clock_.text(total.seen);
  }

  std::string allow() {
    std::string text;
    bool any = false;
    for (const Entry& entry : entries_) {
      if (!entry.review.empty())
        text += std::string("  # REVIEW") + (entry.left_out ? ", not in force: " : ": ") + entry.review + '\n';
      std::vector<std::string> from = sources(entry.from), to = targets(entry.to);
      for (auto* const ends : {&from, &to}) {
        std::sort(ends->begin(), ends->end());
        ends->erase(std::unique(ends->begin(), ends->end()), ends->end());
      }
      const auto chunk = [](const std::vector<std::string>& ends, std::size_t at) {
        const std::vector<std::string> part(
            ends.begin() + static_cast<std::ptrdiff_t>(at),
            ends.begin() + static_cast<std::ptrdiff_t>(std::min(at + ends_per_entry_max, ends.size())));
        return list_of(part, [](const std::string& t) { return t; });
      };
      for (std::size_t f = 0; f < from.size(); f += ends_per_entry_max) {
        for (std::size_t t = 0; t < to.size(); t += ends_per_entry_max) {
          text +=
              std::string(entry.left_out ? "  # - " : "  - ") + "{from: " + chunk(from, f) + ", to: " + chunk(to, t);
          if (!entry.ports.empty()) text += ", ports: " + entry.ports;
          text += ", reason: \"learned: " + told(entry.total) + "; review\"}\n";
        }
      }
      any |= !entry.left_out;
      ++(entry.left_out ? entries_left_out_ : entries_in_force_);
    }
    if (text.empty()) return "# allow: nothing outside of the segments was spoken with.\n";
    return "# Hosts of one segment may speak with each other without an entry.\n" +
           std::string(any ? "allow:\n" : "# allow:\n") + text;
  }

  std::string control() {
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = memory_.writers.first(); i != 0; i = memory_.writers.next(i)) order.push_back(i);
    std::sort(order.begin(), order.end(), [&](std::uint32_t x, std::uint32_t y) {
      const WriterKey &a = memory_.writers.key(x), &b = memory_.writers.key(y);
      return std::tie(a.segment, a.writer, a.target, a.protocol) < std::tie(b.segment, b.writer, b.target, b.protocol);
    });
    std::string covered, open;
    for (const std::uint32_t i : order) {
      const WriterKey& key = memory_.writers.key(i);
      const Writer& w = memory_.writers.value(i);
      const End from = end_of(key.segment, key.writer), to = end_of(key.segment, key.target);
      std::string what = from.text + " wrote " + counted(w.writes, "time") + " to " + to.text;
      if (w.refused != 0) what += " (refused " + counted(w.refused, "time") + ")";
      for (std::size_t n = 0; n < w.object_count; ++n) what += (n == 0 ? ": " : ", ") + object_text(w.objects[n]);
      if (w.objects_more) what += " and more";
      what += "; " + clock_.text(w.seen);
      std::vector<std::string> why = reasons(from, to, w);
      if (why.empty()) {
        covered += "  # " + what + '\n';
        continue;
      }
      ++writers_open_;
      open += "  # " + what + '\n';
      for (const std::string& reason : why) open += "  # REVIEW, not in force: " + reason + '\n';
      open += "  # - {from: " + from.text + ", to: " + to.text;
      if (key.protocol != AppProtocol::unknown) open += ", protocols: [" + std::string(name_of(key.protocol)) + ']';
      open += ", reason: \"learned: " + counted(w.writes, "write") + ", " + clock_.text(w.seen) + "; review\"}\n";
    }
    std::string text;
    if (!covered.empty())
      text += "# Writers that need no entry, for an ems may write within its own segment:\n" + covered;
    if (!open.empty())
      text += "# Writers that nothing gives a right. Take the `#` away where they should have it.\n# control:\n" + open;
    return text;
  }

  std::vector<std::string> reasons(const End& from, const End& to, const Writer& writer) const {
    std::vector<std::string> why;
    if (from.asset == 0) {
      const bool is_public = !from.address.is_private() && !from.address.is_link_local();
      why.emplace_back(is_public ? "a write from outside" : "a write by a host that is in no segment");
    } else {
      const AssetDraft& asset = site_.assets[from.asset - 1];
      if (asset.left_out) why.emplace_back("the writer itself is not in force");
      if (asset.role != Role::ems && asset.role != Role::gateway)
        why.push_back("a write by a " + std::string(name_of(asset.role)));
      if (to.asset != 0 && site_.assets[to.asset - 1].segment != asset.segment)
        why.emplace_back("a write into another segment");
      if (to.asset == 0 && !to.address.is_multicast() && !to.address.is_broadcast())
        why.emplace_back("its target never spoke, or is in no segment");
    }
    if (writer.writes == 0) why.emplace_back("every write was refused");
    if (writer.by_public) why.emplace_back("the message says that it comes over a public network");
    return why;
  }

  std::string summary() const {
    std::map<std::string_view, std::size_t> by_role;
    std::size_t in_force = 0, left_out = 0, marked = 0;
    for (const AssetDraft& a : site_.assets) {
      if (a.left_out) {
        ++left_out;
        continue;
      }
      ++in_force;
      ++by_role[name_of(a.role)];
      marked += !a.reviews.empty();
    }
    std::string text = "learned " + counted(site_.segments.size(), "segment") + ", " + counted(in_force, "asset");
    std::string roles;
    for (const auto& [role, count] : by_role)
      roles += (roles.empty() ? " (" : ", ") + grouped(count) + ' ' + std::string(role);
    if (!roles.empty()) text += roles + ')';
    text += ", " + grouped(entries_in_force_) + " allow entries\n";
    text += "to review: " + grouped(marked) + " assets in force with a mark; not in force: " + grouped(left_out) +
            " assets, " + grouped(entries_left_out_) + " allow entries, " + grouped(writers_open_) + " writers\n";
    std::size_t lines = 0, more = 0;
    for (const AssetDraft& a : site_.assets) {
      if (!a.left_out) continue;
      if (lines == summary_lines_max) {
        ++more;
        continue;
      }
      ++lines;
      text += "  " + a.name + " (" + to_string(a.addresses.front()) + "): " + a.reviews.front() + '\n';
    }
    if (more != 0) text += "  and " + grouped(more) + " more\n";
    if (memory_.left_out.any()) text += "more was seen than is kept; the file's header says what is left out\n";
    for (const std::string& note : site_.notes) text += "note: " + note + '\n';
    return text;
  }

  const Memory& memory_;
  const DraftOptions& options_;
  Site site_;
  Clock clock_;
  std::vector<Entry> entries_;
  std::set<std::uint32_t> homes_told_;  // Templates that are written in full already.
  std::size_t entries_in_force_ = 0, entries_left_out_ = 0, writers_open_ = 0;
};

}  // namespace

Draft draft_of(const Memory& memory, const DraftOptions& options) { return Writing(memory, options).write(); }

}  // namespace tsujiban::learn
