#pragma once
#include <algorithm>
#include <array>
#include <cstring>

#include "base/bounded_map.h"
#include "base/bytes.h"
#include "model/flow_key.h"
#include "model/packet.h"

namespace tsujiban::pipeline {

// Messages of a name service over TCP, of all pairs of hosts: every worker reads every answer (dissect::NameReader),
// but reassembles only the connections of its own pairs. So each keeps what these few need, and because all see the
// same packets in the same order, all know the same. Only what comes in its turn is read, nothing waits: a connection
// of which a segment is missing, or overtook another, teaches nothing more; nor does one whose SYNs were not seen. What
// is not learned allows nothing.
class NameStreams {
 public:
  static constexpr std::uint32_t streams_max = 256;  // The one used longest ago makes place.
  // Of a message; longer ones are passed over. A question has one name, and addresses beyond so many are not remembered
  // anyway.
  static constexpr std::uint32_t question_bytes_max = 512, answer_bytes_max = 4096;

  explicit NameStreams(HashSeed seed) : streams_(streams_max, seed) {}

  // One segment from or to the service's port, whole and not malformed; `take` gets each message that it completes.
  template <class Take>
  void segment(const DecodedPacket& packet, bool from_server, Take&& take) noexcept {
    const Key key =
        from_server
            ? Key{packet.segment, packet.destination, packet.source, packet.destination_port, packet.source_port}
            : Key{packet.segment, packet.source, packet.destination, packet.source_port, packet.destination_port};
    if ((packet.tcp_flags & tcp_flag::syn) != 0) return begin(key, packet, from_server);
    if (packet.payload_length == 0) return;
    const std::uint32_t index = streams_.find(key);
    if (index == 0) return;
    Stream& stream = streams_.value(index);
    Side& side = stream.sides[from_server];
    const std::uint32_t behind = side.next - packet.tcp_sequence;  // Modulo 2^32, RFC 9293, 3.4.
    Bytes data = packet.payload_bytes();
    if (!side.begun || behind > 0x7fffffff) return streams_.remove(index);
    if (behind >= data.size()) return;  // A repetition.
    data = data.subspan(behind);
    side.next += static_cast<std::uint32_t>(data.size());
    if (from_server)
      read(side, stream.answer, data, take);
    else
      read(side, stream.question, data, take);
  }

 private:
  static constexpr std::uint32_t length_bytes = 2;  // Before each message (RFC 1035, 4.2.2).
  struct Key {
    SegmentKey segment;
    IpAddress client, server;
    std::uint16_t client_port, server_port;
    std::uint64_t hash(HashSeed seed) const noexcept {
      const std::uint64_t pair = pair_hash_of(seed, segment, client, server);
      return hash_mix(pair ^ seed.a, (std::uint64_t{client_port} << 16 | server_port) ^ seed.b);
    }
    bool operator==(const Key&) const noexcept = default;
  };
  struct Side {
    std::uint32_t next;    // The sequence number whose turn it is.
    std::uint32_t kept;    // Bytes of the message under way, its length included.
    std::uint32_t passed;  // Bytes still to come of one that is too long.
    bool begun;
  };
  struct Stream {
    std::array<Side, 2> sides;  // The server's second.
    std::array<std::uint8_t, length_bytes + question_bytes_max> question;
    std::array<std::uint8_t, length_bytes + answer_bytes_max> answer;
  };

  // Data in a SYN is not read: the receiver may ignore it.
  void begin(const Key& key, const DecodedPacket& packet, bool from_server) noexcept {
    if (!from_server) {
      auto& sides = streams_.value(streams_.use(key).index).sides;
      if (!sides[0].begun || sides[0].next != packet.tcp_sequence + 1)
        sides = {Side{packet.tcp_sequence + 1, 0, 0, true}, Side{}};
    } else if (const std::uint32_t index = streams_.find(key); index != 0) {
      Side& side = streams_.value(index).sides[1];
      if (!side.begun) side = {packet.tcp_sequence + 1, 0, 0, true};
    }
  }

  template <std::size_t size, class Take>
  static void read(Side& side, std::array<std::uint8_t, size>& buffer, Bytes data, Take& take) noexcept {
    while (!data.empty()) {
      if (side.passed != 0) {
        const auto over = static_cast<std::uint32_t>(std::min<std::size_t>(side.passed, data.size()));
        side.passed -= over;
        data = data.subspan(over);
        continue;
      }
      const std::uint32_t needed = side.kept < length_bytes ? length_bytes : length_bytes + load_be16(buffer.data());
      const auto more = static_cast<std::uint32_t>(std::min<std::size_t>(needed - side.kept, data.size()));
      std::memcpy(buffer.data() + side.kept, data.data(), more);
      side.kept += more;
      data = data.subspan(more);
      if (side.kept < needed) return;
      const std::uint32_t length = load_be16(buffer.data());
      if (needed == length_bytes && length != 0) {
        if (length_bytes + length <= size) continue;
        side.passed = length;
      } else if (length != 0) {
        take(Bytes{buffer.data() + length_bytes, length});
      }
      side.kept = 0;
    }
  }

  BoundedMap<Key, Stream> streams_;
};

}  // namespace tsujiban::pipeline
