#pragma once
#include <algorithm>
#include <array>

#include "base/bounded_map.h"
#include "base/state_bytes.h"
#include "base/time.h"
#include "model/address.h"
#include "model/segment_key.h"

namespace tsujiban::detect {

// A host: its link and its address, because a thousand homes have the same addresses.
struct HostKey {
  SegmentKey segment;
  IpAddress address;
  std::uint64_t hash(HashSeed seed) const noexcept {
    return hash_words(seed, hash_words(seed, segment.raw(), address.high), address.low);
  }
  bool operator==(const HostKey&) const noexcept = default;
};

// Two hosts, in one order.
struct PairKey {
  SegmentKey segment;
  IpAddress from, to;
  std::uint64_t hash(HashSeed seed) const noexcept {
    return hash_words(seed, hash_words(seed, segment.raw() ^ from.high, from.low), hash_words(seed, to.high, to.low));
  }
  bool operator==(const PairKey&) const noexcept = default;
};

// What a host offers, or is asked for.
struct ServiceKey {
  HostKey host;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  std::uint64_t hash(HashSeed seed) const noexcept {
    return hash_words(seed, host.hash(seed), std::uint64_t{protocol} << 16 | port);
  }
  bool operator==(const ServiceKey&) const noexcept = default;
};

inline void put_address(StateWriter& writer, const IpAddress& address) {
  writer.put(address.high);
  writer.put(address.low);
}
inline IpAddress get_address(StateReader& reader) noexcept {
  IpAddress address;
  address.high = reader.get<std::uint64_t>();
  address.low = reader.get<std::uint64_t>();
  return address;
}
inline void put_host(StateWriter& writer, const HostKey& host) {
  writer.put(host.segment.raw());
  put_address(writer, host.address);
}
inline HostKey get_host(StateReader& reader) noexcept {
  HostKey host;
  host.segment = SegmentKey::from_raw(reader.get<std::uint64_t>());
  host.address = get_address(reader);
  return host;
}

// Under which peer a condition of one service is told. The first few peers each have an alert of their own; those
// beyond, as when the whole Internet knocks from forged addresses, count on the first one's.
class PeerLimit {
 public:
  static constexpr std::uint32_t services_max = 1u << 15;
  static constexpr std::size_t peers_max = 8;

  // `peers` is at most `peers_max`.
  PeerLimit(HashSeed seed, Duration forget, std::size_t peers = peers_max)
      : forget_(forget), limit_(peers), services_(services_max, seed) {}
  IpAddress stand_for(const ServiceKey& service, const IpAddress& peer, PacketTime time) noexcept {
    Peers& peers = services_.value(services_.use(service).index);
    if (peers.count == 0 || time - peers.last > forget_) peers = Peers{};
    peers.last = time;
    const auto end = peers.list.begin() + static_cast<std::ptrdiff_t>(peers.count);
    if (std::find(peers.list.begin(), end, peer) != end) return peer;
    if (peers.count == limit_) return peers.list[0];
    return peers.list[peers.count++] = peer;
  }
  std::uint64_t evictions() const noexcept { return services_.evictions(); }
  void take_over(PeerLimit& from) noexcept { services_.take_over(from.services_); }

 private:
  struct Peers {
    std::array<IpAddress, peers_max> list;
    std::size_t count;
    PacketTime last;
  };
  Duration forget_;
  std::size_t limit_;
  BoundedMap<ServiceKey, Peers> services_;
};

}  // namespace tsujiban::detect
