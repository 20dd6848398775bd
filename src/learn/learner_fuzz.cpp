// Any bytes as a series of facts: the learner stays within its bounds, and its draft is a configuration.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "config/config.h"
#include "learn/learner.h"

namespace {

// Few different values, so that facts meet; now and then any.
class Source {
 public:
  Source(const std::uint8_t* data, std::size_t size) noexcept : data_(data), size_(size) {}
  bool done() const noexcept { return size_ == 0; }
  std::uint8_t byte() noexcept {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::uint64_t word() noexcept {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return value;
  }
  tsujiban::IpAddress address() noexcept {
    const std::uint8_t kind = byte();
    switch (kind & 7) {
      case 0:
      case 1:
      case 2:
        return tsujiban::IpAddress::v4(0xc0a80100u | kind >> 3);
      case 3:
        return tsujiban::IpAddress::v4(0x0a000000u | byte() << 8 | kind >> 3);
      case 4:
        return {0xfe80000000000000, static_cast<std::uint64_t>(kind >> 3)};
      case 5:
        return {std::uint64_t{0x20010db800000000} | std::uint64_t{byte()}, static_cast<std::uint64_t>(kind >> 3)};
      case 6:
        return tsujiban::IpAddress::v4(0xcb007100u | kind >> 3);
      default:
        return {word(), word()};
    }
  }
  tsujiban::MacAddress mac() noexcept { return {(std::uint64_t{byte()} & 7) << 40 | (byte() & 7)}; }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  static constexpr std::size_t size_max = 1 << 14;
  if (size > size_max) return 0;
  learn::LearnerLimits limits;
  limits.segments_max = 8, limits.hosts_max = 64, limits.hosts_per_segment_max = 24, limits.pairs_max = 128;
  limits.pairs_per_segment_max = 64, limits.pairs_per_host_max = 16, limits.far_pairs_max = 8, limits.macs_max = 16;
  limits.writers_max = 16, limits.writers_per_segment_max = 8, limits.flows_max = 64;
  learn::Learner learner({1, 2}, limits), other({3, 4}, limits);
  Source source(data, size);
  while (!source.done()) {
    Fact fact;
    fact.kind = static_cast<FactKind>(source.byte() % static_cast<unsigned>(FactKind::count_));
    const std::uint8_t shape = source.byte();
    fact.protocol = (shape & 1) != 0 ? AppProtocol::echonet_lite : AppProtocol::unknown;
    fact.ip_protocol = (shape & 2) != 0 ? 17 : (shape & 4) != 0 ? 6 : source.byte();
    fact.source_port = (shape & 8) != 0 ? 3610 : static_cast<std::uint16_t>(source.byte() << 8 | source.byte());
    fact.destination_port = (shape & 16) != 0 ? 3610 : static_cast<std::uint16_t>(source.byte() << 8 | source.byte());
    fact.time.ns = (shape & 32) != 0 ? static_cast<std::int64_t>(source.word()) : std::int64_t{source.byte()} << 36;
    fact.flow_id = source.byte();
    if ((shape & 64) != 0) fact.segment.push_vlan(source.byte());
    if ((shape & 128) != 0) fact.segment = SegmentKey::from_raw(source.word());
    fact.source = source.address();
    fact.destination = source.address();
    fact.source_mac = source.mac();
    const std::uint8_t more = source.byte();
    switch (fact.kind) {
      case FactKind::control_write:
        fact.control_write = {};
        fact.control_write.object = 0x027d00u | more;
        fact.control_write.effect = static_cast<WriteEffect>(more % 6);
        fact.control_write.refused = (more & 64) != 0;
        fact.control_write.by_public = (more & 128) != 0;
        break;
      case FactKind::reading:
        fact.reading = {};
        fact.reading.point = 0x83;
        for (char& c : fact.reading.text) c = static_cast<char>(source.byte());
        break;
      case FactKind::inquiry:
        fact.inquiry = {};
        fact.inquiry.refused = (more & 1) != 0;
        break;
      case FactKind::object:
      case FactKind::asker:
        fact.object.how = static_cast<ObjectSeen::How>(more & 3);
        fact.object.object =
            static_cast<std::uint32_t>(source.byte() & 7) << 16 | std::uint32_t{source.byte()} << 8 | source.byte();
        break;
      case FactKind::conversation:
      case FactKind::activity:
      case FactKind::burst:
        fact.conversation = {};
        fact.conversation.moment = static_cast<ConversationSeen::Moment>(more & 3);
        fact.conversation.direction_certain = (more & 4) != 0;
        fact.conversation.from_source = (more & 8) != 0;
        fact.conversation.from_destination = (more & 16) != 0;
        fact.conversation.established = (more & 32) != 0;
        fact.conversation.packets = static_cast<std::uint32_t>(source.word());
        fact.conversation.bytes = source.word();
        break;
      case FactKind::claim:
        fact.claim = {};
        fact.claim.how = static_cast<Claim::How>(more % 5);
        fact.claim.mac = source.mac();
        fact.claim.frame_source = source.mac();
        fact.claim.router = (more & 64) != 0;
        break;
      case FactKind::router_advertisement:
        fact.router_advertisement = {};
        fact.router_advertisement.mac = source.mac();
        fact.router_advertisement.lifetime_s = more;
        break;
      case FactKind::address_assignment:
        fact.address_assignment = {};
        fact.address_assignment.mac = source.mac();
        fact.address_assignment.server = source.address();
        fact.address_assignment.router = source.address();
        fact.address_assignment.resolver = source.address();
        break;
      default:
        break;
    }
    learner.fact(fact);
    other.fact(fact);
  }
  const learn::Draft draft = learner.draft({"fuzz", "UTC", "bytes"});
  std::vector<config::Fault> faults;
  if (config::load_text("draft.yaml", draft.yaml, faults) == nullptr) std::abort();
  if (draft.yaml.find("could not be checked") != std::string::npos) std::abort();
  if (draft.summary.empty() || other.draft({"fuzz", "UTC", "bytes"}).yaml != draft.yaml) std::abort();
  return 0;
}
