#pragma once
#include <span>

#include "base/bounded_map.h"
#include "policy/allow_list.h"

namespace tsujiban::policy {

// By which domains of allow entries a client knows a host: from the answers that it got to its own questions, and from
// what it called the host itself (SNI, HTTP's Host). A client is an asset with all its addresses, so that an answer
// over IPv4 counts for its IPv6 address; else a host on its link. Bounded; what had to make place is not known any
// more, and counted.
class NameMemory {
 public:
  static constexpr std::uint32_t hosts_max = 1u << 16;      // Pairs of client and host.
  static constexpr std::uint32_t questions_max = 1u << 13;  // Waiting for their answers.
  // Clients go on using an address that they have longer than its TTL says (RFC 1035, 3.2.1): until an hour after the
  // answer at least, and a day at most.
  static constexpr Duration kept_min = Duration::seconds(3600), kept_max = Duration::seconds(86400);
  static constexpr Duration answer_time = Duration::seconds(30);  // Later answers are taken from nobody.

  NameMemory(const AllowList& allow, HashSeed seed)
      : allow_(allow), hosts_(hosts_max, seed), questions_(questions_max, seed) {}

  // A question over UDP or TCP, so that only its answer counts: whoever can send packets could allow himself else.
  struct Question {
    SegmentKey segment;
    IpAddress client, server;
    std::uint16_t port = 0, id = 0;  // The client's port, and the message's id.
    std::uint64_t hash(HashSeed seed) const noexcept;
    bool operator==(const Question&) const noexcept = default;
  };
  void asked(const Question& question, PacketTime now) noexcept;
  // Whether it was asked; it then is answered, and not waiting any more.
  bool answers(const Question& question, PacketTime now) noexcept;

  // `client` was told that `name` has this address, or calls it that (`ttl_s` 0). Lower case, without the last dot.
  // True where an entry has the name.
  bool learn(SegmentKey segment, const IpAddress& client, const IpAddress& host, std::string_view name,
             std::uint32_t ttl_s, PacketTime now) noexcept;
  // The domains by which `client` knows `host` now.
  Domains known(SegmentKey segment, const IpAddress& client, const IpAddress& host, PacketTime now) const noexcept;
  // They talk: what is known stays so for `kept_min` from now.
  void keep(SegmentKey segment, const IpAddress& client, const IpAddress& host, PacketTime now) noexcept;

  // At a reload: goes on with what `from` knows, who is only destroyed afterwards. `assets` has by number (index + 1)
  // before the number now, `domains` by index before the index now + 1; 0: there is none any more.
  void take_over(NameMemory& from, std::span<const std::uint32_t> assets,
                 std::span<const std::uint32_t> domains) noexcept;

  std::uint64_t evictions() const noexcept { return hosts_.evictions() + questions_.evictions(); }

 private:
  struct HostKey {
    SegmentKey segment;
    IpAddress client;  // Of an asset its number, which is no address that a host can have.
    IpAddress host;
    std::uint64_t hash(HashSeed seed) const noexcept;
    bool operator==(const HostKey&) const noexcept = default;
  };
  struct Host {
    Domains domains;
    PacketTime until;
  };
  HostKey key_of(SegmentKey segment, const IpAddress& client, const IpAddress& host) const noexcept;

  const AllowList& allow_;
  BoundedMap<HostKey, Host> hosts_;
  BoundedMap<Question, PacketTime> questions_;
};

}  // namespace tsujiban::policy
