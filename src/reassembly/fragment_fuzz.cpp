// Bytes become fragments of a few datagrams. A datagram without overlap must come out as its fragments put it; memory
// goes back; nothing exceeds its limit.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "reassembly/fragments.h"

namespace {

using namespace tsujiban;
using namespace tsujiban::reassembly;

constexpr std::size_t model_bytes_max = 1024;

// What was sent of one datagram: the first value of each byte.
struct Model {
  std::array<std::uint8_t, model_bytes_max> bytes;
  std::array<bool, model_bytes_max> known;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // One fragment: identification (2 bits), IPv6, last, too far, tick; offset in units of 8; length; the payload
  // follows.
  constexpr std::size_t head_bytes = 3;
  constexpr unsigned models = 8;
  metrics::WorkerCounters counters;
  FragmentTable::Limits limits;
  limits.datagrams_max = 3;
  limits.bytes_max = 64 << 10;
  FragmentTable table(limits, HashSeed{}, counters);
  static std::array<Model, models> model;
  for (Model& m : model) m.known.fill(false);
  PacketTime now;
  while (size >= head_bytes) {
    const bool v6 = (data[0] & 4) != 0;
    const unsigned which = data[0] & 7u;
    DecodedPacket packet;
    packet.is_fragment = true;
    packet.source = v6 ? IpAddress{1, 2} : IpAddress::v4(1);
    packet.destination = v6 ? IpAddress{1, 3} : IpAddress::v4(2);
    packet.ip_version = v6 ? 6 : 4;
    packet.fragment_id = data[0] & 3u;
    packet.fragment_more = (data[0] & 8) == 0;
    packet.fragment_offset = static_cast<std::uint16_t>(data[1] % 64 * 8 + ((data[0] & 16) != 0 ? 65000 : 0));
    packet.protocol = (data[0] & 64) != 0 ? 6 : 17;
    const std::size_t length = std::min<std::size_t>(data[2], size - head_bytes);
    packet.payload = data + head_bytes;
    packet.payload_length = packet.payload_length_wire = static_cast<std::uint32_t>(length);
    if ((data[0] & 128) != 0) packet.payload_length_wire += 1;
    if ((data[0] & 32) != 0) now = now + Duration::seconds(data[1]);
    packet.time = now;
    data += head_bytes + length;
    size -= head_bytes + length;
    table.expire(now);
    const auto datagram = table.add(packet);
    TSUJIBAN_CHECK(table.datagrams() <= limits.datagrams_max && table.bytes_used() <= limits.bytes_max);
    Model& m = model[which];
    bool clean = packet.anomalies.empty() && packet.payload_length == packet.payload_length_wire;
    for (std::size_t i = 0; i < length && packet.fragment_offset + i < model_bytes_max; ++i) {
      const std::size_t at = packet.fragment_offset + i;
      if (clean && !m.known[at])
        m.bytes[at] = packet.payload[i], m.known[at] = true;
      else if (!m.known[at] || m.bytes[at] != packet.payload[i])
        clean = false;
    }
    if (!datagram) continue;
    TSUJIBAN_CHECK(datagram.payload.size() <= FragmentTable::datagram_bytes_max);
    std::size_t unequal = 0;
    for (std::size_t i = 0; i < datagram.payload.size(); ++i) {
      // Each byte comes from some fragment; the model of a clean datagram says which.
      const std::uint8_t byte = datagram.payload[i];
      if (i < model_bytes_max && m.known[i] && m.bytes[i] != byte) ++unequal;
    }
    // Without eviction, timeout or a word of contradiction, all bytes are the model's.
    const bool evicted =
        counters.evictions[static_cast<std::size_t>(metrics::EvictionReason::fragment_memory)].value() != 0;
    if (clean && !evicted && now == PacketTime{}) TSUJIBAN_CHECK(unequal == 0 || !packet.anomalies.empty());
    m.known.fill(false);
  }
  table.expire(now + Duration::seconds(1000));
  TSUJIBAN_CHECK(table.datagrams() == 0 && table.bytes_used() == 0);
  return 0;
}
