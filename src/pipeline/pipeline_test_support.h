#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/record_ring.h"
#include "pipeline/run_context.h"
#include "pipeline/worker.h"

namespace tsujiban::pipeline {

// Ethernet frames made by hand for the tests of the whole way: checksums are good, so that nothing is excused.
using Frame = std::vector<std::uint8_t>;

struct End {
  std::uint32_t address;
  std::uint16_t port;
};
Frame udp_frame(End from, End to, std::string_view payload, std::uint16_t vlan = 0);
Frame tcp_frame(End from, End to, std::uint32_t sequence, std::uint32_t acknowledgment, std::uint8_t flags,
                std::string_view payload);
Frame arp_frame(std::uint32_t from, std::uint32_t to);
// ICMPv6 from fe80::1 to ff02::1 with a good checksum; `body` begins behind the checksum.
Frame icmpv6_frame(std::uint8_t type, std::string_view body, std::uint8_t hop_limit = 255);
// The same datagram in two fragments.
std::vector<Frame> udp_fragments(End from, End to, std::string_view payload, std::uint16_t id);
// ECHONET Lite Get of EPC 0x80 (format 1): the frame of the specification, Part 2, 3.2.
std::string echonet_get(std::uint16_t tid);
std::string echonet_get_res(std::uint16_t tid);

// One worker of a run without threads: packets in, records out of its ring.
class Bench {
 public:
  explicit Bench(std::string_view rules = {}, EventTypes events = EventTypes::all(), unsigned workers = 1,
                 unsigned index = 0, std::uint32_t facts = 0, std::string_view site = {});
  void packet(const Frame& frame, double seconds);
  // Takes what is in the ring; `keep` false throws it away without allocating.
  void drain(bool keep = true);
  void finish();

  RunContext run;
  std::unique_ptr<metrics::WorkerCounters> counters = std::make_unique<metrics::WorkerCounters>();
  std::unique_ptr<RecordRing> ring;
  std::unique_ptr<Worker> worker;
  std::vector<std::string> lines;
  std::vector<Fact> facts;

 private:
  std::atomic<bool> abandoned_{false};
  std::uint64_t number_ = 0;
};

}  // namespace tsujiban::pipeline
