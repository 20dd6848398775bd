#pragma once
#include <cstdint>
#include <string>

#include "base/bounded_map.h"
#include "model/fact.h"

namespace tsujiban::learn {

// How much a learner keeps, whatever it is shown. What comes when a table is full is left out of the draft, which says
// so: nothing that was learned makes place, so an address that rotates cannot push out who was there before.
struct LearnerLimits {
  std::uint32_t segments_max = 8192;           // Links.
  std::uint32_t hosts_max = 65'536;            // Addresses that spoke on a link of ours.
  std::uint32_t hosts_per_segment_max = 4096;  // So that one link cannot take them all.
  std::uint32_t pairs_max = 262'144;           // (who began, with whom, protocol, port).
  std::uint32_t pairs_per_segment_max = 65'536;
  std::uint32_t pairs_per_host_max = 512;
  std::uint32_t far_pairs_max = 32'768;  // Of two public addresses: kept in case a claim shows one to be of the link.
  std::uint32_t macs_max = 65'536;
  std::uint32_t writers_max = 16'384;
  std::uint32_t writers_per_segment_max = 1024;
  std::uint32_t flows_max = 262'144;  // Remembered, so that packets are counted once; the oldest makes place.
};

struct DraftOptions {
  std::string site_name = "site";  // What no name can have is replaced.
  std::string timezone = "UTC";    // IANA name; one that does not exist is replaced by UTC.
  std::string source;              // Said in the header: where it was learned from. Control characters are replaced.
};

struct Draft {
  std::string yaml;     // A site file that config::load_text accepts.
  std::string summary;  // A few lines for people: what was found, what to check. Each ends with a newline.
};

// From the first to the second, at most the largest Duration: packet times may be centuries apart.
inline Duration span_of(PacketTime first, PacketTime last) noexcept {
  const std::uint64_t ns = static_cast<std::uint64_t>(last.ns) - static_cast<std::uint64_t>(first.ns);
  return {last < first ? 0 : ns > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(ns)};
}

// What was seen of one thing, over time.
struct Seen {
  PacketTime first, last;
  bool ever = false;
  void at(PacketTime time) noexcept {
    if (!ever || time < first) first = time;
    if (!ever || last < time) last = time;
    ever = true;
  }
};

// An address that spoke on a link.
struct HostKey {
  std::uint64_t segment = 0;
  IpAddress address;
  std::uint64_t hash(HashSeed seed) const noexcept {
    return hash_mix(hash_words(seed, address.high, address.low), segment ^ seed.b);
  }
  bool operator==(const HostKey&) const noexcept = default;
};
struct Host {
  static constexpr std::size_t objects_max = 8, answered_max = 32, askers_max = 4, macs_max = 2, gaps_max = 12;
  Seen seen;
  MacAddress claimed[macs_max], framed[macs_max];    // By ARP or NDP; as frames' source.
  std::uint8_t claimed_count = 0, framed_count = 0;  // Distinct ones; macs_max + 1: more.
  std::uint8_t object_count = 0, answered_count = 0, asker_count = 0;
  std::uint32_t objects[objects_max] = {};
  struct Port {
    std::uint8_t protocol = 0;
    std::uint16_t port = 0;
    bool operator==(const Port&) const noexcept = default;
  } answered[answered_max];
  IpAddress askers[askers_max];  // Who asked by ARP or NDP for this address.
  bool objects_more = false, answered_more = false;
  bool begins_more = false, reached_more = false;  // More pairs than are kept: as who began, as who was reached.
  bool asks_as_controller = false, asks = false, writes = false, is_refused = false;
  bool dhcp_server = false, dhcp_router = false, dhcp_resolver = false, advertises = false, router_flag = false;
  bool claims_for_other = false;  // Its claim came in another's frame.
  std::uint32_t pair_count = 0;
  std::array<char, 24> identity{};    // ECHONET Lite 0x83, the first one: as the sender wrote it.
  Seen active;                        // When it spoke, to the minute.
  std::uint32_t gaps[gaps_max] = {};  // Of silence between two times it spoke, by `gap_steps_s`.
  std::int64_t silence_ns_max = 0;
};

// Who began with whom, on which port of the other. ICMP: type and code are the port.
struct PairKey {
  std::uint64_t segment = 0;
  IpAddress from, to;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  std::uint64_t hash(HashSeed seed) const noexcept {
    const std::uint64_t ends = hash_words(seed, from.high, from.low) ^ hash_words({seed.b, seed.a}, to.high, to.low);
    return hash_mix(ends, segment ^ seed.b) ^ hash_words(seed, port, protocol);
  }
  bool operator==(const PairKey&) const noexcept = default;
};
struct Pair {
  Seen seen;
  std::uint64_t flows = 0, packets = 0, bytes = 0;
  std::uint64_t apps = 0;  // A bit an AppProtocol.
  std::uint16_t from_port = 0;
  bool answered = false, uncertain = false, same_port = false;
};

struct MacKey {
  std::uint64_t segment = 0;
  MacAddress mac;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, segment, mac.value); }
  bool operator==(const MacKey&) const noexcept = default;
};
struct MacSeen {
  static constexpr std::size_t far_max = 4;
  IpAddress far[far_max];      // Public addresses in its frames.
  std::uint8_t far_count = 0;  // far_max + 1: more.
  bool advertises = false;     // A router advertisement names it.
};

struct WriterKey {
  std::uint64_t segment = 0;
  IpAddress writer, target;
  AppProtocol protocol{};
  std::uint64_t hash(HashSeed seed) const noexcept {
    const std::uint64_t ends =
        hash_words(seed, writer.high, writer.low) ^ hash_words({seed.b, seed.a}, target.high, target.low);
    return hash_mix(ends, segment ^ static_cast<std::uint64_t>(protocol) ^ seed.b);
  }
  bool operator==(const WriterKey&) const noexcept = default;
};
struct Writer {
  static constexpr std::size_t objects_max = 4;
  Seen seen;
  std::uint64_t writes = 0, refused = 0;
  std::uint32_t hours = 0;   // A bit an hour of the day, UTC.
  std::uint8_t effects = 0;  // A bit a WriteEffect.
  std::uint8_t object_count = 0;
  std::uint32_t objects[objects_max] = {};
  bool objects_more = false, by_public = false;
};

struct LinkKey {
  std::uint64_t segment = 0;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, segment, 0); }
  bool operator==(const LinkKey&) const noexcept = default;
};
struct Link {
  std::uint32_t hosts = 0, pairs = 0, writers = 0;
};

struct FlowKey {
  std::uint64_t flow_id = 0, segment = 0;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, flow_id, segment); }
  bool operator==(const FlowKey&) const noexcept = default;
};
struct FlowSeen {
  std::uint32_t pair = 0;  // Index into the pairs; 0: there was no place.
  std::uint32_t packets = 0;
  std::uint64_t bytes = 0;
  bool swapped = false;
};

// What was left out because a table was full. Counts of flows and writes, which come once each; of the rest only that.
struct LeftOut {
  std::uint64_t flows = 0, writes = 0;
  bool hosts = false, macs = false, links = false;
  bool any() const noexcept { return flows != 0 || writes != 0 || hosts || macs || links; }
};

// Everything that is kept; `draft_of` reads it.
struct Memory {
  Memory(HashSeed seed, const LearnerLimits& limits);
  BoundedMap<LinkKey, Link> links;
  BoundedMap<HostKey, Host> hosts;
  BoundedMap<PairKey, Pair> pairs;
  BoundedMap<MacKey, MacSeen> macs;
  BoundedMap<WriterKey, Writer> writers;
  BoundedMap<FlowKey, FlowSeen> flows;
  std::uint32_t far_pairs = 0;
  LeftOut left_out;
  Seen seen;
};

// Upper ends of Host::gaps in seconds; the last one has no end.
inline constexpr std::int64_t gap_steps_s[Host::gaps_max - 1] = {1, 5, 15, 45, 90, 300, 900, 2700, 7200, 21600, 86400};

// Learns a site from the facts of its traffic, for a person to review: takes them in packet order and drafts a site
// file. Memory is taken at construction and filled as needed (about 150 MiB at the default limits); `fact` allocates
// nothing. The draft depends on the facts alone: not on the seed, nor on how often news was told.
class Learner {
 public:
  explicit Learner(HashSeed seed, const LearnerLimits& limits = {});
  // The facts it wants: a bit per FactKind.
  std::uint32_t facts_wanted() const noexcept;
  void fact(const Fact& fact) noexcept;
  // May be asked at any time; takes time and memory in proportion to what was learned.
  Draft draft(const DraftOptions& options) const;
  const Memory& memory() const noexcept { return memory_; }

 private:
  Host* speaker(std::uint64_t segment, const IpAddress& address, bool claimed) noexcept;
  Host* known(std::uint64_t segment, const IpAddress& address) noexcept;
  Link* link(std::uint64_t segment) noexcept;
  MacSeen* mac(std::uint64_t segment, MacAddress mac) noexcept;
  std::uint32_t pair(const PairKey& key, Host* from, Host* to) noexcept;
  void note_frame(const Fact& fact, const IpAddress& address, Host* host) noexcept;
  void conversation(const Fact& fact) noexcept;
  void write(const Fact& fact) noexcept;
  void claim(const Fact& fact) noexcept;
  void assignment(const Fact& fact) noexcept;

  LearnerLimits limits_;
  Memory memory_;
};

// The draft of what `memory` has. Separate, so that Learner stays about facts.
Draft draft_of(const Memory& memory, const DraftOptions& options);

}  // namespace tsujiban::learn
