#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "reassembly/stream.h"

// Packets and listeners for the tests of this folder.
namespace tsujiban::reassembly::test {

// Numbers of 32 bits, which the generator of the standard library gives in wider words.
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

inline Bytes view(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
inline std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// `data` outlives the packet.
inline DecodedPacket tcp_packet(std::uint32_t sequence, const std::string& data, std::uint8_t flags = tcp_flag::ack,
                                std::uint32_t acknowledgment = 0, std::uint16_t window = 65535) {
  DecodedPacket packet;
  packet.source = IpAddress::v4(0x0a000001);
  packet.destination = IpAddress::v4(0x0a000002);
  packet.protocol = static_cast<std::uint8_t>(IpProtocol::tcp);
  packet.ip_version = 4;
  packet.tcp_sequence = sequence;
  packet.tcp_acknowledgment = acknowledgment;
  packet.tcp_flags = flags;
  packet.tcp_window = window;
  packet.tcp_header_length = 20;
  packet.payload = view(data).data();
  packet.payload_length = packet.payload_length_wire = static_cast<std::uint32_t>(data.size());
  return packet;
}

inline DecodedPacket fragment_packet(bool v6, std::uint32_t id, std::uint32_t offset, const std::string& data,
                                     bool more, std::int64_t seconds = 0) {
  DecodedPacket packet;
  packet.source = v6 ? IpAddress{0x20010db800000000, 1} : IpAddress::v4(0xc0a80114);
  packet.destination = v6 ? IpAddress{0x20010db800000000, 2} : IpAddress::v4(0xc0a80101);
  packet.ip_version = v6 ? 6 : 4;
  packet.protocol = static_cast<std::uint8_t>(IpProtocol::udp);
  packet.is_fragment = true;
  packet.fragment_id = id;
  packet.fragment_offset = static_cast<std::uint16_t>(offset);
  packet.fragment_more = more;
  packet.payload = view(data).data();
  packet.payload_length = packet.payload_length_wire = static_cast<std::uint32_t>(data.size());
  packet.time = PacketTime{} + Duration::seconds(seconds);
  return packet;
}

// Keeps what it is told: a byte of a gap becomes '.', so that the text stays aligned with the sequence numbers.
struct Listener final : StreamConsumer {
  struct Told {
    Direction direction;
    ParseError error;
    std::uint32_t offset;
  };
  std::string text[2];
  std::uint64_t delivered[2] = {}, missing[2] = {};
  unsigned gaps[2] = {}, ends[2] = {};
  std::vector<Told> anomalies;
  bool after_end = false;

  void bytes(Direction direction, Bytes piece) noexcept override {
    const auto d = static_cast<unsigned>(direction);
    after_end |= ends[d] != 0;
    delivered[d] += piece.size();
    text[d] += text_of(piece);
  }
  void gap(Direction direction, std::uint32_t count) noexcept override {
    const auto d = static_cast<unsigned>(direction);
    after_end |= ends[d] != 0;
    missing[d] += count;
    ++gaps[d];
    text[d] += count <= (1u << 20) ? std::string(count, '.') : std::string("...");
  }
  void finished(Direction direction) noexcept override { ++ends[static_cast<unsigned>(direction)]; }
  void anomaly(Direction direction, ParseError error, std::uint32_t offset) noexcept override {
    anomalies.push_back({direction, error, offset});
  }
  unsigned count(ParseError error) const {
    unsigned n = 0;
    for (const Told& told : anomalies) n += told.error == error;
    return n;
  }
};

// One stream of one engine, spoken to in relative numbers: byte 0 of a direction follows its SYN.
class Talk {
 public:
  explicit Talk(StreamEngine::Limits limits = {}, std::uint32_t isn_a = 1000, std::uint32_t isn_b = 5000)
      : engine(small(limits), counters), isn_{isn_a, isn_b}, stream(engine.open()) {}
  static StreamEngine::Limits small(StreamEngine::Limits limits) {
    if (limits.streams_max == StreamEngine::Limits{}.streams_max) limits.streams_max = 4;
    return limits;
  }
  void handshake() {
    raw(0, isn_[0], "", tcp_flag::syn, 0);
    raw(1, isn_[1], "", tcp_flag::syn | tcp_flag::ack, isn_[0] + 1);
    raw(0, isn_[0] + 1, "", tcp_flag::ack, isn_[1] + 1);
  }
  // `acknowledged` bytes of the other side.
  void say(unsigned d, std::uint32_t at, const std::string& data, std::uint32_t acknowledged = 0,
           std::uint8_t flags = 0) {
    raw(d, isn_[d] + 1 + at, data, static_cast<std::uint8_t>(flags | tcp_flag::ack), isn_[1 - d] + 1 + acknowledged);
  }
  void raw(unsigned d, std::uint32_t sequence, const std::string& data, std::uint8_t flags,
           std::uint32_t acknowledgment) {
    engine.segment(stream, static_cast<Direction>(d), tcp_packet(sequence, data, flags, acknowledgment), heard);
  }
  bool reopens(unsigned d, std::uint32_t sequence, const std::string& data, std::uint8_t flags,
               std::uint32_t acknowledgment) {
    return engine.reopens(stream, static_cast<Direction>(d), tcp_packet(sequence, data, flags, acknowledgment));
  }
  void close() { engine.close(stream, heard); }
  std::uint32_t isn(unsigned d) const { return isn_[d]; }

  metrics::WorkerCounters counters;
  StreamEngine engine;

 private:
  std::uint32_t isn_[2];

 public:
  std::uint32_t stream;
  Listener heard;
};

}  // namespace tsujiban::reassembly::test
