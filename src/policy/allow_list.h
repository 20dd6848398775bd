#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fixed_vector.h"
#include "base/large_vector.h"
#include "policy/inventory.h"
#include "policy/name_pairs.h"

namespace tsujiban::policy {

// Two hosts that exchange packets, as far as is known when it is asked about.
struct Conversation {
  PacketTime time;  // Of the packet that is judged: entries may hold at some hours only, and until a day only.
  SegmentKey link;
  IpAddress initiator, responder;
  std::uint16_t initiator_port = 0, responder_port = 0;  // ICMP and ICMPv6: type and code of the first packet.
  std::uint8_t protocol = 0;                             // IP protocol.
  AppProtocol app = AppProtocol::unknown;
  bool app_settled = true;  // False: the dissectors have not decided yet, so `unknown` may still become something.
  bool direction_certain = true;  // False: picked up in its middle; `initiator` is only who was seen first.
};

// The domains of entries that a host is known by: indexes of config::Config::domains, the longest name first.
using Domains = FixedVector<std::uint32_t, NamePairs::domains_max>;

// What is known of the names of the two, beside their addresses.
struct Named {
  std::span<const std::uint32_t> initiator, responder;
  bool open = false;  // The responder's name may still be said in the conversation itself (SNI, HTTP's Host).
};

enum class Reason : std::uint8_t {
  not_judged,            // No asset takes part.
  listed,                // Allowed by an entry.
  neighbours,            // Allowed: two assets of one segment, and no entry names the two.
  housekeeping,          // Allowed: what every host on a link does (discovery, NDP, DHCP, ICMP errors).
  not_listed,            // From here on not allowed.
  direction_not_listed,  // Entries name the two, but only the other may begin.
  port_not_listed,       // Entries name the two, but not this port.
  protocol_not_listed,   // Entries name the two and the port, but not what the payload is.
  expired,               // An entry fits, but its last day is over.
  outside_hours,         // An entry fits, but not at this time.
  name_not_known,        // An entry by domain would fit, but nobody has called the host by that name.
  count_,
};
std::string_view name_of(Reason reason) noexcept;

struct Verdict {
  bool judged = false;  // An asset takes part.
  bool allowed = true;
  bool provisional = false;  // Allowed only if the payload turns out as listed: ask again when `app` is settled.
  bool awaits_name = false;  // Allowed only if the conversation says a listed name: ask again when it did, or is over.
  bool by_name = false;      // Listed, and one of the two is known by a name of an entry.
  bool inbound_from_outside =
      false;  // A host outside of every segment begins with an asset: scenario unauthorized-access.
  Reason reason = Reason::not_judged;
  ErabInterface interface = ErabInterface::none;
  std::uint32_t initiator_asset = 0, responder_asset = 0;  // Index + 1; 0: not in the inventory.
  std::uint32_t entry = 0;  // Index + 1 of the first entry that gave the reason; 0: none did.
  // The same conversation has the same verdict before this time; never over where no entry that fits has hours.
  PacketTime valid_until{std::numeric_limits<std::int64_t>::max()};
};

// Who may talk to whom. README.md says the rules; the test holds them against a search through all entries.
class AllowList {
 public:
  explicit AllowList(std::shared_ptr<const Inventory> inventory, HashSeed seed = {});

  const Inventory& inventory() const noexcept { return *inventory_; }

  // Costs a probe for each pair of (what the entries call the initiator) and (what they call the responder), in
  // practice fewer than twenty, whatever the number of entries.
  Verdict judge(const Conversation& conversation, const Named& named = {}) const noexcept;

  bool has_domains() const noexcept { return !domain_by_name_.empty(); }
  // The domains of entries that this name is or is below of. Lower case, without the last dot.
  Domains domains_of(std::string_view name) const noexcept;

  // One English line, of at most `max` - 1 bytes and a terminating zero; returns its length. `max` is at least 1.
  std::size_t explain(const Verdict& verdict, const Conversation& conversation, char* to,
                      std::size_t max) const noexcept;

 private:
  // What entries ask beside their two ends, and when. Most of a million entries share theirs with others.
  struct Terms {
    std::uint64_t apps = 0;                            // A bit an AppProtocol; 0: any.
    std::int64_t expires_local_s = 0;                  // As config::never_expires says.
    std::uint32_t port_first = 0, port_count = 0;      // Into `ports_`; none: any.
    std::uint32_t window_first = 0, window_count = 0;  // Into `windows_`; none: always.
    bool both_directions = false;
    bool timed() const noexcept { return window_count != 0 || expires_local_s != config::never_expires; }
  };
  class TermsBuilder;
  struct Search;
  void search(const NamePairs::Names& from, const NamePairs::Names& to, bool forward, const Conversation& conversation,
              Search& search) const noexcept;
  bool has_port(const Terms& terms, std::uint8_t protocol, std::uint16_t port) const noexcept;

  std::shared_ptr<const Inventory> inventory_;
  NamePairs pairs_;
  LargeVector<std::uint32_t> terms_of_;  // By entry, into `terms_`.
  std::vector<Terms> terms_;
  std::vector<config::PortRange> ports_;
  std::vector<config::TimeWindow> windows_;
  // By name: index + 1 of the domain that means it and all below, and of the one that means those below only.
  struct DomainIndexes {
    std::uint32_t whole = 0, below = 0;
  };
  std::unordered_map<std::string_view, DomainIndexes> domain_by_name_;  // Views into the configuration.
  std::size_t labels_max_ = 0;                                          // Of a domain.
};

// What a link needs to work, apart from the entries. Segments are index + 1, 0 for none.
bool is_discovery_address(const IpAddress& address) noexcept;
bool is_housekeeping(const Inventory& inventory, const Conversation& conversation, std::uint32_t initiator_segment,
                     std::uint32_t responder_segment) noexcept;
// Whether an address is outside: in no segment, and, where the other end is in none either, public.
bool is_outside(const IpAddress& address, std::uint32_t own_segment, std::uint32_t other_segment) noexcept;

}  // namespace tsujiban::policy
