// Any bytes as a capture file. The mapped and the streamed reader must tell the same packets, the same end and the same
// damage, whatever the pieces; compressed bytes go through their decoder.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "capture/file_reader.h"

namespace {

using namespace tsujiban;
using namespace tsujiban::capture;

constexpr std::size_t packets_max = 1 << 16;  // A file of empty records is all the same after so many.

struct Told {
  std::uint64_t packets = 0;
  std::uint64_t sum = 0;
  bool damaged = false;
  std::string damage;
};

void add(Told& told, const RawPacket& packet) {
  TSUJIBAN_CHECK(packet.length_captured <= record_bytes_max && packet.length_wire >= packet.length_captured);
  TSUJIBAN_CHECK(packet.time.ns >= 0 && packet.time.ns <= time_ns_max);
  TSUJIBAN_CHECK(packet.number == told.packets + 1);
  ++told.packets;
  const auto mix = [&](std::uint64_t value) { told.sum = (told.sum ^ value) * 0x9e3779b97f4a7c15u; };
  mix(static_cast<std::uint64_t>(packet.time.ns));
  mix(packet.length_captured);
  mix(packet.length_wire);
  mix(static_cast<std::uint64_t>(packet.link));
  for (std::uint32_t i = 0; i < packet.length_captured; ++i) mix(packet.data[i]);
}

Told read_all(FileReader& reader, std::size_t batch) {
  Told told;
  std::vector<RawPacket> packets(batch);
  while (told.packets < packets_max) {
    std::size_t count = 0;
    const ParseState state = reader.read(packets, count, told.packets + 1, 0);
    for (std::size_t i = 0; i < count; ++i) add(told, packets[i]);
    if (state == ParseState::full) {
      TSUJIBAN_CHECK(count != 0);
      continue;
    }
    told.damaged = state == ParseState::damaged;
    if (told.damaged) told.damage = reader.damage();
    std::size_t more = 1;
    TSUJIBAN_CHECK(reader.read(packets, more, 1, 0) == state && more == 0);
    break;
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes capture{data, size};
  std::string error;
  const std::size_t piece = size == 0 ? 1 : 1 + (data[size - 1] % 61u);
  auto stream = make_decompressed_stream(make_memory_stream(capture, piece), error);
  TSUJIBAN_CHECK(stream != nullptr);
  const Told streamed = read_all(*FileReader::over_stream(std::move(stream)), 1 + piece % 7);
  if (is_compressed(capture)) return 0;
  const Told mapped = read_all(*FileReader::over_memory(capture), 5);
  TSUJIBAN_CHECK(mapped.packets == streamed.packets && mapped.sum == streamed.sum);
  if (mapped.packets < packets_max)
    TSUJIBAN_CHECK(mapped.damaged == streamed.damaged && mapped.damage == streamed.damage);
  return 0;
}
