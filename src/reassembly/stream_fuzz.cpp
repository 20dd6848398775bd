// Bytes become segments of one connection with near sequence numbers, flags and acknowledgments in both directions; the
// account that the engine gives must hold whatever they say.
#include <array>
#include <cstdlib>

#include "base/check.h"
#include "reassembly/stream.h"

namespace {

using namespace tsujiban;
using namespace tsujiban::reassembly;

struct Account final : StreamConsumer {
  std::array<std::uint64_t, 2> delivered{}, missing{};
  std::array<unsigned, 2> ends{};
  const StreamEngine* engine = nullptr;
  void bytes(Direction direction, Bytes piece) noexcept override {
    const auto d = static_cast<unsigned>(direction);
    TSUJIBAN_CHECK(!piece.empty() && ends[d] == 0);
    delivered[d] += piece.size();
    std::uint8_t sum = 0;
    for (const std::uint8_t byte : piece) sum = static_cast<std::uint8_t>(sum + byte);  // Reads all of it.
    volatile std::uint8_t kept = sum;
    (void)kept;
  }
  void gap(Direction direction, std::uint32_t count) noexcept override {
    const auto d = static_cast<unsigned>(direction);
    TSUJIBAN_CHECK(count != 0 && count < 0x80000000u && ends[d] == 0);
    missing[d] += count;
  }
  void finished(Direction direction) noexcept override {
    TSUJIBAN_CHECK(++ends[static_cast<unsigned>(direction)] == 1);
  }
  void anomaly(Direction, ParseError error, std::uint32_t) noexcept override {
    TSUJIBAN_CHECK(error != ParseError::none);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // One segment: flags, direction and far bit, offset (2 bytes), acknowledgment (2), length; the payload is what
  // follows.
  constexpr std::size_t head_bytes = 7;
  static metrics::WorkerCounters counters;
  static StreamEngine::Limits limits = [] {
    StreamEngine::Limits l;
    l.streams_max = 2;
    l.memory_bytes_max = 128 << 10;
    l.pending_bytes_per_direction_max = 300;
    l.pending_runs_per_direction_max = 6;
    return l;
  }();
  static StreamEngine engine(limits, counters);
  if (size < 2) return 0;
  const std::uint32_t isn[2] = {0xffffff00u + data[0], data[1] * 0x01000193u};
  data += 2;
  size -= 2;
  std::uint32_t stream = engine.open();
  TSUJIBAN_CHECK(stream != 0);
  Account account;
  std::array<std::uint64_t, 2> sent{};
  while (size >= head_bytes) {
    const unsigned d = data[1] & 1;
    const std::uint32_t far = (data[1] & 2) != 0 ? std::uint32_t{data[1]} << 24 : 0;
    DecodedPacket packet;
    packet.tcp_flags = data[0];
    packet.tcp_sequence = isn[d] + load_be16(data + 2) % 512 + far;
    packet.tcp_acknowledgment = isn[1 - d] + load_be16(data + 4) % 512 + ((data[1] & 4) != 0 ? far : 0);
    packet.tcp_window = static_cast<std::uint16_t>(data[1] << 8);
    packet.tcp_header_length = 20;
    const std::size_t length = std::min<std::size_t>(data[6] % 64, size - head_bytes);
    packet.payload = data + head_bytes;
    packet.payload_length = packet.payload_length_wire = static_cast<std::uint32_t>(length);
    if ((data[1] & 8) != 0) packet.payload_length_wire += data[6];
    sent[d] += length;
    data += head_bytes + length;
    size -= head_bytes + length;
    const auto direction = static_cast<Direction>(d);
    if (engine.reopens(stream, direction, packet)) {
      engine.close(stream, account);
      TSUJIBAN_CHECK(engine.bytes_used() == 0);
      stream = engine.open();
      account = Account{};
    }
    engine.segment(stream, direction, packet, account);
    TSUJIBAN_CHECK(engine.bytes_used() <= limits.memory_bytes_max);
    TSUJIBAN_CHECK(account.delivered[0] <= sent[0] && account.delivered[1] <= sent[1]);
  }
  const bool seen[2] = {account.delivered[0] != 0, account.delivered[1] != 0};
  (void)engine.state(stream);
  engine.close(stream, account);
  TSUJIBAN_CHECK(account.delivered[0] <= sent[0] && account.delivered[1] <= sent[1]);
  for (const unsigned d : {0u, 1u}) TSUJIBAN_CHECK(!seen[d] || account.ends[d] == 1);
  TSUJIBAN_CHECK(engine.bytes_used() == 0 && engine.streams() == 0);
  return 0;
}
