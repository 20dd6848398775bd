#pragma once
// Capture bytes put together field by field, and readers run over them, for the tests of this folder.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture_file.h"
#include "capture/file_reader.h"

namespace tsujiban::capture::test {

using Buffer = std::vector<std::uint8_t>;

enum class Order { little, big };

// Appends numbers in one byte order.
class Writer {
 public:
  explicit Writer(Order order = Order::little) : order_(order) {}
  Writer& u16(std::uint16_t value) { return number(value, 2); }
  Writer& u32(std::uint32_t value) { return number(value, 4); }
  Writer& u64(std::uint64_t value) { return number(value, 8); }
  Writer& bytes(std::string_view text) {
    out.insert(out.end(), text.begin(), text.end());
    return *this;
  }
  Writer& append(const Buffer& more) {
    out.insert(out.end(), more.begin(), more.end());
    return *this;
  }
  Writer& pad4() {
    while (out.size() % 4 != 0) out.push_back(0);
    return *this;
  }
  // A pcapng block: type, length, body padded to 4, length again (draft-ietf-opsawg-pcapng, 3.1).
  Writer& block(std::uint32_t type, Buffer body) {
    while (body.size() % 4 != 0) body.push_back(0);
    const auto total = static_cast<std::uint32_t>(body.size() + 12);
    return u32(type).u32(total).append(body).u32(total);
  }
  Order order() const { return order_; }
  Buffer out;

 private:
  Writer& number(std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) {
      const unsigned shift = 8 * (order_ == Order::little ? i : width - 1 - i);
      out.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return *this;
  }
  Order order_;
};

// The 24 bytes of a pcap file header: magic, version, zone 0, sigfigs 0, snap length 65535, link type.
inline Writer pcap_header(Order order, std::uint32_t magic = 0xa1b2c3d4, std::uint16_t minor = 4,
                          std::uint32_t link = 1, std::uint16_t major = 2) {
  Writer to(order);
  to.u32(magic).u16(major).u16(minor).u32(0).u32(0).u32(65535).u32(link);
  return to;
}
// A pcap record: seconds, fraction, captured, wire, body.
inline void pcap_record(Writer& to, std::uint32_t seconds, std::uint32_t fraction, std::string_view body,
                        std::uint32_t wire) {
  to.u32(seconds).u32(fraction).u32(static_cast<std::uint32_t>(body.size())).u32(wire).bytes(body);
}
// Three records of 3, 0 and 5 bytes, the last one cut by a snap length (60 on the wire), the second at the first's
// time.
inline Buffer small_pcap(Order order = Order::little, std::uint32_t seconds = 1'700'000'000) {
  Writer to = pcap_header(order);
  pcap_record(to, seconds, 123456, "abc", 3);
  pcap_record(to, seconds, 123456, "", 0);
  pcap_record(to, seconds + 1, 1, "defgh", 60);
  return to.out;
}

// A packet that owns its bytes.
struct Seen {
  std::int64_t ns;
  std::string bytes;
  std::uint32_t wire;
  unsigned link;
  std::uint64_t number;
  unsigned input;
  bool operator==(const Seen&) const = default;
};
inline Seen seen(const RawPacket& packet) {
  return {packet.time.ns,     std::string(reinterpret_cast<const char*>(packet.data), packet.length_captured),
          packet.length_wire, static_cast<unsigned>(packet.link),
          packet.number,      packet.input};
}

struct Outcome {
  std::vector<Seen> packets;
  bool damaged = false;
  std::string damage;
};
inline Outcome drain(FileReader& reader, std::size_t batch = 7) {
  Outcome outcome;
  std::vector<RawPacket> packets(batch);
  for (;;) {
    std::size_t count = 0;
    const ParseState state = reader.read(packets, count, outcome.packets.size() + 1, 0);
    for (std::size_t i = 0; i < count; ++i) outcome.packets.push_back(seen(packets[i]));
    if (state == ParseState::full) continue;
    outcome.damaged = state == ParseState::damaged;
    if (outcome.damaged) outcome.damage = reader.damage();
    return outcome;
  }
}
inline Outcome drain(PacketSource& source, std::size_t batch = 7) {
  Outcome outcome;
  std::vector<RawPacket> packets(batch);
  for (;;) {
    std::size_t count = 0;
    const SourceState state = source.next(packets, count);
    for (std::size_t i = 0; i < count; ++i) outcome.packets.push_back(seen(packets[i]));
    if (state == SourceState::more || state == SourceState::idle) continue;
    outcome.damaged = state == SourceState::damaged;
    if (outcome.damaged) outcome.damage = source.damage();
    return outcome;
  }
}
// As a mapped file would be read; the bytes are copied to a block of exact size, so that a read beyond it is caught.
inline Outcome read_mapped(const Buffer& capture, std::size_t batch = 7) {
  Buffer exact(capture.begin(), capture.end());
  exact.shrink_to_fit();
  return drain(*FileReader::over_memory(exact), batch);
}
inline Outcome read_streamed(const Buffer& capture, std::size_t piece) {
  std::string error;
  auto stream = make_decompressed_stream(make_memory_stream(capture, piece), error);
  return drain(*FileReader::over_stream(std::move(stream)));
}

// A folder of its own for one test, removed with everything in it.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tsujiban-capture-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  std::string write(std::string_view name, const Buffer& bytes) const {
    const std::string at = *this / name;
    std::FILE* file = std::fopen(at.c_str(), "wb");
    if (file == nullptr) std::abort();
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) std::abort();
    std::fclose(file);
    return at;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tsujiban::capture::test
