// What one core of this machine allows on a capture: the bounds that bench/compare sets Tsujiban against.
//
//   ceiling MODE CAPTURE [PATTERNS.hex]
//     walk     maps the file and steps from record to record
//     parse    walk, and finds the transport payload of Ethernet, VLAN, IPv4, IPv6, TCP and UDP with the fewest checks
//     that
//              keep it inside the packet
//     hs       parse, and scans each payload of TCP and UDP with Hyperscan in block mode, one call a packet
//     read     our own capture reader (src/capture)
//     decode   our own capture reader and decoder (src/decode)
//
// The first three are bare on purpose and share no code with the product, so that a slow reader or decoder of ours
// cannot lower its own ceiling. They take classic little-endian pcap of Ethernet only: what bench/compare generates.
#include <fcntl.h>
#include <hs.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture_file.h"
#include "decode/decoder.h"

namespace {

using tsujiban::load_be16;
using tsujiban::load_le32;

struct Counts {
  std::uint64_t packets = 0, bytes = 0, payloads = 0, payload_bytes = 0, matches = 0;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "ceiling: %s\n", what.c_str());
  std::exit(1);
}

// The transport payload of one frame; empty for everything but whole TCP and UDP.
tsujiban::Bytes payload_of(const std::uint8_t* at, std::uint32_t length) {
  constexpr std::size_t ethernet = 14;
  if (length < ethernet + 20) return {};
  const std::uint8_t* end = at + length;
  std::uint16_t type = load_be16(at + 12);
  at += ethernet;
  while (type == 0x8100 || type == 0x88a8) {
    if (end - at < 24) return {};
    type = load_be16(at + 2);
    at += 4;
  }
  unsigned protocol = 0;
  if (type == 0x0800) {
    const std::ptrdiff_t header = (at[0] & 15) * 4, total = load_be16(at + 2);
    if (header < 20 || total < header || total > end - at || (load_be16(at + 6) & 0x3fff) != 0) return {};
    protocol = at[9];
    end = at + total;
    at += header;
  } else if (type == 0x86dd) {
    if (end - at < 40 || load_be16(at + 4) > end - at - 40) return {};
    protocol = at[6];
    end = at + 40 + load_be16(at + 4);
    at += 40;
  } else {
    return {};
  }
  std::ptrdiff_t header = 8;
  if (protocol == 6) {
    if (end - at < 20) return {};
    header = (at[12] >> 4) * 4;
  } else if (protocol != 17) {
    return {};
  }
  if (header < 8 || header > end - at) return {};
  return {at + header, static_cast<std::size_t>(end - at - header)};
}

// Maps `path` and hands every record to `each(data, length)`.
template <typename Each>
void walk(const char* path, Counts& counts, Each each) {
  constexpr std::size_t file_header = 24, record_header = 16, prefetch_ahead = 1024;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (file < 0 || fstat(file, &about) != 0) fail(std::string(path) + ": " + std::strerror(errno));
  const auto size = static_cast<std::size_t>(about.st_size);
  if (size < file_header) fail(std::string(path) + ": no capture");
  void* mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (mapping == MAP_FAILED) fail(std::string(path) + ": " + std::strerror(errno));
  const auto* begin = static_cast<const std::uint8_t*>(mapping);
  const std::uint32_t magic = load_le32(begin);
  if ((magic != 0xa1b2c3d4 && magic != 0xa1b23c4d) || load_le32(begin + 20) != 1) {
    fail(std::string(path) + ": not a little-endian pcap of Ethernet");
  }
  for (std::size_t at = file_header; size - at >= record_header;) {
    const std::uint32_t length = load_le32(begin + at + 8);
    at += record_header;
    if (length > size - at) fail(std::string(path) + ": cut");
    __builtin_prefetch(begin + at + prefetch_ahead);
    ++counts.packets;
    counts.bytes += length;
    each(begin + at, length);
    at += length;
  }
}

class Scanner {
 public:
  explicit Scanner(const char* path) {
    std::ifstream in(path);
    std::vector<std::string> expressions;
    for (std::string line; std::getline(in, line);) {
      std::string expression;
      for (std::size_t i = 0; i + 1 < line.size(); i += 2) expression += "\\x" + line.substr(i, 2);
      if (!expression.empty()) expressions.push_back(expression);
    }
    if (expressions.empty()) fail(std::string(path) + ": no pattern; one literal in hexadecimal a line is accepted");
    std::vector<const char*> texts;
    std::vector<unsigned> flags, ids;
    for (const std::string& expression : expressions) {
      texts.push_back(expression.c_str());
      ids.push_back(static_cast<unsigned>(ids.size()));
      flags.push_back(0);
    }
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(texts.size()), HS_MODE_BLOCK,
                         nullptr, &database_, &error) != HS_SUCCESS) {
      fail(std::string("Hyperscan: ") + (error != nullptr ? error->message : "no memory"));
    }
    if (hs_alloc_scratch(database_, &scratch_) != HS_SUCCESS) fail("Hyperscan: no memory for its scratch");
  }
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;
  ~Scanner() {
    hs_free_scratch(scratch_);
    hs_free_database(database_);
  }

  void scan(tsujiban::Bytes payload, std::uint64_t& matches) {
    const auto count = [](unsigned, unsigned long long, unsigned long long, unsigned, void* to) {
      ++*static_cast<std::uint64_t*>(to);
      return 0;
    };
    hs_scan(database_, reinterpret_cast<const char*>(payload.data()), static_cast<unsigned>(payload.size()), 0,
            scratch_, count, &matches);
  }

 private:
  hs_database_t* database_ = nullptr;
  hs_scratch_t* scratch_ = nullptr;
};

// Our own reader, and with `decode` our own decoder.
void read_with_ours(const char* path, bool decode, Counts& counts) {
  const std::array paths{std::string(path)};
  std::string error;
  const auto source = tsujiban::capture::open_capture(paths, error);
  if (source == nullptr) fail(error);
  const tsujiban::decode::Decoder decoder{tsujiban::HashSeed{}};
  std::array<tsujiban::RawPacket, 256> batch;
  std::array<tsujiban::DecodedPacket, 1> decoded;
  for (;;) {
    std::size_t count = 0;
    const tsujiban::capture::SourceState state = source->next(batch, count);
    for (std::size_t i = 0; i < count; ++i) {
      ++counts.packets;
      counts.bytes += batch[i].length_captured;
      if (!decode) continue;
      decoder.decode(batch[i], batch[i].time, decoded[0]);
      if (decoded[0].payload_length == 0) continue;
      ++counts.payloads;
      counts.payload_bytes += decoded[0].payload_length;
    }
    if (state == tsujiban::capture::SourceState::damaged) fail(source->damage());
    if (state == tsujiban::capture::SourceState::end) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const bool bare = mode == "walk" || mode == "parse" || mode == "hs";
  if (argc != (mode == "hs" ? 4 : 3) || (!bare && mode != "read" && mode != "decode")) {
    std::fputs("usage: ceiling walk|parse|read|decode CAPTURE, or ceiling hs CAPTURE PATTERNS.hex\n", stderr);
    return 2;
  }
  Counts counts;
  const auto count_payload = [&counts](tsujiban::Bytes payload) {
    if (payload.empty()) return false;
    ++counts.payloads;
    counts.payload_bytes += payload.size();
    return true;
  };
  if (mode == "walk") {
    walk(argv[2], counts, [](const std::uint8_t*, std::uint32_t) {});
  } else if (mode == "parse") {
    walk(argv[2], counts,
         [&](const std::uint8_t* data, std::uint32_t length) { count_payload(payload_of(data, length)); });
  } else if (mode == "hs") {
    Scanner scanner(argv[3]);
    walk(argv[2], counts, [&](const std::uint8_t* data, std::uint32_t length) {
      const tsujiban::Bytes payload = payload_of(data, length);
      if (count_payload(payload)) scanner.scan(payload, counts.matches);
    });
  } else {
    read_with_ours(argv[2], mode == "decode", counts);
  }
  std::printf("packets %llu bytes %llu payloads %llu payload_bytes %llu matches %llu\n",
              static_cast<unsigned long long>(counts.packets), static_cast<unsigned long long>(counts.bytes),
              static_cast<unsigned long long>(counts.payloads), static_cast<unsigned long long>(counts.payload_bytes),
              static_cast<unsigned long long>(counts.matches));
  return 0;
}
