#include "detect/echonet_nodes.h"

#include <algorithm>
#include <cstring>

#include "detect/group_requests.h"
#include "detect/power_at_risk.h"
#include "detect/site_keys.h"
#include "detect/window_counts.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId detectors[] = {DetectorId::echonet_spoofed_response};
constexpr std::uint32_t nodes_max = 1u << 17, identities_max = 1u << 17, asked_max = 1u << 17;
constexpr std::uint32_t transactions_max = 1u << 15, strange_objects_max = 1u << 14;
constexpr std::size_t classes_max = 14;  // Of one node; of one with more nothing is said.
// Who asks is told once in `presence_repeat`, and is answered within a minute.
constexpr Duration asked_recently = Duration::seconds(presence_repeat.ns / 1'000'000'000 + 60);
constexpr Duration active = Duration::seconds(600);  // Who spoke within it is there.
constexpr Duration answers_window = Duration::seconds(60);
// Answers nobody asked for, from a node's own link address: retries are answered twice now and then.
constexpr std::uint32_t answers_max = 2;
constexpr std::uint32_t identification = 0x83;
constexpr std::size_t identification_bytes = 17;

// A node that was never given an identity says zeros or ones, or these behind the format and the maker's code.
bool is_null_identity(const Reading& reading) noexcept {
  std::array<std::uint8_t, identification_bytes> bytes{};
  for (const std::uint8_t fill : {std::uint8_t{0x00}, std::uint8_t{0xff}}) {
    bytes.fill(fill);
    if (reading.value_hash == hash_bytes(HashSeed{}, bytes)) return true;
    // The first four bytes: 0xFE and the maker.
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(reading.code >> (24 - 8 * i));
    if (reading.value_hash == hash_bytes(HashSeed{}, bytes)) return true;
  }
  return false;
}

struct IdentityKey {
  SegmentKey segment;
  std::uint64_t identity = 0;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, segment.raw(), identity); }
  bool operator==(const IdentityKey&) const noexcept = default;
};
struct AskedKey {
  HostKey asker;
  std::uint32_t object = 0;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, asker.hash(seed), object); }
  bool operator==(const AskedKey&) const noexcept = default;
};

class EchonetNodes final : public SiteDetector {
 public:
  explicit EchonetNodes(const Site& site)
      : inventory_(site.inventory),
        owners_(*site.config),
        nodes_(nodes_max, site.seed),
        identities_(identities_max, site.seed),
        asked_objects_(asked_max, site.seed),
        asked_pairs_(asked_max, site.seed),
        group_requests_(site.seed),
        unasked_(transactions_max, transactions_max, answers_window, site.seed),
        strange_objects_(strange_objects_max, strange_objects_max, active, site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override;
  std::uint32_t prefetched() const noexcept override {
    return facts_of({FactKind::inquiry, FactKind::control_write, FactKind::object});
  }
  void prefetch(const Fact& fact, unsigned step) const noexcept override;
  std::uint64_t evictions() const noexcept override {
    return nodes_.evictions() + identities_.evictions() + asked_objects_.evictions() + asked_pairs_.evictions() +
           group_requests_.evictions() + unasked_.evictions() + strange_objects_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<EchonetNodes&>(before);
    nodes_.take_over(from.nodes_);
    identities_.take_over(from.identities_);
    asked_objects_.take_over(from.asked_objects_);
    asked_pairs_.take_over(from.asked_pairs_);
    group_requests_.take_over(from.group_requests_);
    unasked_.take_over(from.unasked_);
    strange_objects_.take_over(from.strange_objects_);
  }
  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override;
  bool load(StateReader& reader, std::uint32_t version) override;

 private:
  // With its key, what most facts look at fits into one cache line, and the classes into the next.
  struct Node {
    PacketTime heard, mac_heard;
    std::uint64_t mac : 48;  // 0: not known. Another one takes its place once it has been silent.
    std::uint64_t class_count : 8;
    std::uint64_t listed : 1, too_many : 1;
    // Another host that has claimed this one's identity; told when this one speaks after that.
    std::uint64_t has_rival : 1;
    std::uint64_t identity;
    std::array<std::uint16_t, classes_max> classes;
    IpAddress rival, told_rival;
    PacketTime rival_time, told_time;

    bool has_class(std::uint32_t one) const noexcept {
      return std::find(classes.begin(), classes.begin() + class_count, one) != classes.begin() + class_count;
    }
    void add_class(std::uint32_t added) noexcept {
      if (has_class(added)) return;
      if (class_count == classes_max) {
        too_many = 1;
        return;
      }
      classes[class_count] = static_cast<std::uint16_t>(added);
      class_count = (class_count + 1u) & 0xff;
    }
  };
  struct Holder {
    IpAddress address;
  };
  struct AskedObject {
    IpAddress target;
    PacketTime time;
  };

  Node& spoke(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void asks(const Fact& fact, std::uint32_t object) noexcept;
  void claims_identity(const Fact& fact, const Ends& ends) noexcept;
  void object_seen(const Fact& fact, const Ends& ends, Node& node, Findings& findings) noexcept;
  void answered(const Fact& fact, const Ends& ends, const Node& node, Findings& findings) noexcept;
  const IpAddress* rightful_owner(const Fact& fact, const Ends& ends, const Node& node) const noexcept;
  bool same_host(const Node* a, const Node* b, const IpAddress& address_a, const IpAddress& address_b) const noexcept;
  const Node* node_of(SegmentKey segment, const IpAddress& address) const noexcept {
    const std::uint32_t index = nodes_.find({segment, address});
    return index == 0 ? nullptr : &nodes_.value(index);
  }

  std::shared_ptr<const policy::Inventory> inventory_;
  GroupTargets owners_;  // Assets by segment and class of object.
  BoundedMap<HostKey, Node> nodes_;
  BoundedMap<IdentityKey, Holder> identities_;
  BoundedMap<AskedKey, AskedObject> asked_objects_;
  BoundedMap<PairKey, PacketTime> asked_pairs_;
  GroupRequests group_requests_;
  DistinctWindow<PairKey, WordsKey> unasked_;
  DistinctWindow<HostKey, WordsKey> strange_objects_;
};

void EchonetNodes::fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  if (fact.protocol != AppProtocol::echonet_lite) return;
  switch (fact.kind) {
    case FactKind::request:
      group_requests_.request(fact);
      spoke(fact, ends, findings);
      return;
    case FactKind::inquiry:
      // A refusal is told under the request's addresses; nothing says which link address refused.
      if (fact.inquiry.refused) return;
      spoke(fact, ends, findings);
      if (!fact.to_group) asks(fact, fact.inquiry.object);
      return;
    case FactKind::control_write:
      if (fact.control_write.refused) return;
      if (!fact.to_group) asks(fact, fact.control_write.object);
      return;
    case FactKind::response:
      answered(fact, ends, spoke(fact, ends, findings), findings);
      return;
    case FactKind::object:
      object_seen(fact, ends, spoke(fact, ends, findings), findings);
      return;
    case FactKind::reading: {
      const Reading& reading = fact.reading;
      if (reading.point != identification || reading.object >> 8 != node_profile_class) return;
      Node& node = spoke(fact, ends, findings);
      if (is_null_identity(reading)) return;
      node.identity = reading.value_hash;
      claims_identity(fact, ends);
      return;
    }
    default:
      return;
  }
}

void EchonetNodes::prefetch(const Fact& fact, unsigned step) const noexcept {
  const HostKey source{fact.segment, fact.source};
  const bool inquiry = fact.kind == FactKind::inquiry;
  if (fact.kind == FactKind::object || inquiry) nodes_.prefetch(source, step);
  if (fact.to_group || (!inquiry && fact.kind != FactKind::control_write)) return;
  asked_pairs_.prefetch({fact.segment, fact.source, fact.destination}, step);
  asked_objects_.prefetch({source, inquiry ? fact.inquiry.object : fact.control_write.object}, step);
}

// The source of this fact has spoken: where another host has taken its identity meanwhile, both are there.
EchonetNodes::Node& EchonetNodes::spoke(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  Node& node = nodes_.value(nodes_.use({fact.segment, fact.source}).index);
  const std::uint64_t mac = fact.source_mac.value;
  if (node.has_rival && fact.time > node.rival_time) {
    // With another link address it is somebody else who was given the network address.
    const bool itself = mac == 0 || node.mac == 0 || mac == node.mac;
    if (itself && fact.time - node.rival_time <= active) {
      Alert alert = alert_of(DetectorId::echonet_spoofed_response, fact, ends);
      alert.destination = node.rival;
      alert.destination_asset = 0;
      alert.merge_key = 1;
      char rival[ip_text_max];
      const std::size_t length = write_ip(node.rival, rival);
      say_why(alert, 0, "the identity (0x83) of this node is claimed by %.*s too", static_cast<int>(length), rival);
      say_why(alert, 1, "this node still speaks, %.0f s after that claim", (fact.time - node.rival_time).as_seconds());
      findings.raise(alert);
      node.told_rival = node.rival;
      node.told_time = fact.time;
    }
    node.has_rival = 0;
  }
  node.heard = fact.time;
  if (mac != 0) {
    if (node.mac == 0 || fact.time - node.mac_heard > active) node.mac = mac & 0xffff'ffff'ffff;
    if (node.mac == mac) node.mac_heard = fact.time;
  }
  return node;
}

void EchonetNodes::asks(const Fact& fact, std::uint32_t object) noexcept {
  asked_pairs_.value(asked_pairs_.use({fact.segment, fact.source, fact.destination}).index) = fact.time;
  asked_objects_.value(asked_objects_.use({{fact.segment, fact.source}, object}).index) = {fact.destination, fact.time};
}

// One host may have several addresses: with the same link address or identity; and where no link address was seen, the
// two families are taken for one host.
bool EchonetNodes::same_host(const Node* a, const Node* b, const IpAddress& address_a,
                             const IpAddress& address_b) const noexcept {
  const bool known = a != nullptr && b != nullptr && a->mac != 0 && b->mac != 0;
  if (known) return a->mac == b->mac;
  return address_a.is_v4() != address_b.is_v4();
}

void EchonetNodes::claims_identity(const Fact& fact, const Ends& ends) noexcept {
  const auto got = identities_.use({fact.segment, fact.reading.value_hash});
  Holder& holder = identities_.value(got.index);
  if (got.added) holder.address = fact.source;
  if (holder.address == fact.source) return;
  const std::uint32_t index = nodes_.find({fact.segment, holder.address});
  // Who is silent has moved: DHCP gave it another address.
  if (index == 0 || fact.time - nodes_.value(index).heard > active) {
    holder.address = fact.source;
    return;
  }
  Node& node = nodes_.value(index);
  if (same_host(&node, node_of(fact.segment, fact.source), holder.address, fact.source)) return;
  if (ends.source_asset != 0 && inventory_ != nullptr &&
      inventory_->asset_of(fact.segment, holder.address) == ends.source_asset) {
    return;
  }
  if (node.has_rival && fact.time - node.rival_time <= active) return;
  if (node.told_rival == fact.source && fact.time - node.told_time <= active) return;
  node.has_rival = 1;
  node.rival = fact.source;
  node.rival_time = fact.time;
}

void EchonetNodes::object_seen(const Fact& fact, const Ends& ends, Node& node, Findings& findings) noexcept {
  const std::uint32_t seen = fact.object.object >> 8;
  if (seen == node_profile_class) return;
  switch (fact.object.how) {
    case ObjectSeen::How::listed:
      node.listed = 1;
      node.add_class(seen);
      return;
    case ObjectSeen::How::answered:
      // Some nodes do not list everything they have; who is asked for it and answers has it.
      node.add_class(seen);
      return;
    case ObjectSeen::How::asks:
      return;
    case ObjectSeen::How::announced:
      break;
  }
  if (node.too_many || node.has_class(seen)) return;
  const IpAddress* const owner = node.listed ? nullptr : rightful_owner(fact, ends, node);
  if (!node.listed && owner == nullptr) return;
  if (!strange_objects_.add_new({fact.segment, fact.source}, {seen, 0}, fact.time).added) return;
  Alert alert = alert_of(DetectorId::echonet_spoofed_response, fact, ends);
  alert.merge_key = 2 + (std::uint64_t{seen} << 8);
  if (owner == nullptr) {
    say_why(alert, 0, "an announcement of object %06X, which is not in this node's instance list", fact.object.object);
    say_why(alert, 1, "the node lists or answers for %u other classes", static_cast<unsigned>(node.class_count));
  } else {
    char text[ip_text_max];
    const std::size_t length = write_ip(*owner, text);
    say_why(alert, 0, "an announcement of object %06X, which the inventory gives to %.*s", fact.object.object,
            static_cast<int>(length), text);
    say_why(alert, 1, "that one still speaks, and this node never listed the object nor answered for it");
  }
  findings.raise(alert);
}

// Whom the inventory gives this very object in the same segment: another host, that still speaks. Null: nobody, or the
// sender may be that host under another address. One object may stand at several nodes of a home, but who has one says
// so: a node announces its list as it starts, and answers who polls it.
const IpAddress* EchonetNodes::rightful_owner(const Fact& fact, const Ends& ends, const Node& node) const noexcept {
  if (ends.source_asset != 0 || ends.source_segment == 0 || inventory_ == nullptr) return nullptr;
  const IpAddress* owner = nullptr;
  for (const std::uint32_t index : owners_.of(ends.source_segment, object_class(fact.object.object))) {
    const config::Asset& asset = inventory_->asset(index);
    if (asset.object != fact.object.object) continue;
    if (asset.mac.value != 0 && (asset.mac == fact.source_mac || asset.mac.value == node.mac)) return nullptr;
    for (const IpAddress& address : asset.addresses) {
      const Node* const other = node_of(fact.segment, address);
      if (other == nullptr || fact.time - other->heard > active) continue;
      if (same_host(&node, other, fact.source, address)) return nullptr;
      owner = &address;
    }
  }
  return owner;
}

void EchonetNodes::answered(const Fact& fact, const Ends& ends, const Node& node, Findings& findings) noexcept {
  const Exchange& answer = fact.exchange;
  // A spontaneous announcement looks like the answer to a request for one.
  if (fact.to_group || answer.service == service_inf_request || group_requests_.explains(fact)) return;
  Alert alert = alert_of(DetectorId::echonet_spoofed_response, fact, ends);
  if (answer.pair_asks) {
    const std::uint64_t mac = fact.source_mac.value;
    const bool other_mac = mac != 0 && node.mac != 0 && mac != node.mac;
    const WordsKey transaction{std::uint64_t{answer.transaction} << 8 | answer.service, answer.source_object};
    const auto added = unasked_.add({fact.segment, fact.source, fact.destination}, transaction, fact.time);
    if (!other_mac && !(added.added && added.count > answers_max)) return;
    alert.merge_key = 3;
    say_why(alert, 0, "an answer of object %06X, transaction %04X, without a request", answer.source_object,
            answer.transaction);
    if (other_mac) {
      say_why(alert, 1, "sent by another link address than this node's");
    } else {
      say_why(alert, 1, "%u such answers of this pair within %.0f s", added.count, answers_window.as_seconds());
    }
    findings.raise(alert);
    return;
  }
  // Not asked at all: in place of the node that was? Every node answers for its profile, so that shows nothing.
  if (answer.source_object >> 8 == node_profile_class) return;
  const HostKey asker{fact.segment, fact.destination};
  std::uint32_t asked = asked_objects_.find({asker, answer.source_object});
  if (asked == 0) asked = asked_objects_.find({asker, answer.source_object & 0xffff00u});
  if (asked == 0) return;
  const AskedObject& object = asked_objects_.value(asked);
  if (object.target == fact.source || fact.time - object.time > asked_recently) return;
  const std::uint32_t pair = asked_pairs_.find({fact.segment, fact.destination, fact.source});
  if (pair != 0 && fact.time - asked_pairs_.value(pair) <= active) return;
  const Node* const target = node_of(fact.segment, object.target);
  if (same_host(target, &node, object.target, fact.source)) return;
  if (target != nullptr && target->identity != 0 && target->identity == node.identity) return;
  alert.merge_key = 4;
  char text[ip_text_max];
  const std::size_t length = write_ip(object.target, text);
  say_why(alert, 0, "an answer of object %06X from a host that was not asked", answer.source_object);
  say_why(alert, 1, "%.*s was asked for it %.0f s before", static_cast<int>(length), text,
          (fact.time - object.time).as_seconds());
  findings.raise(alert);
}

void EchonetNodes::save(StateWriter& writer) const {
  std::uint32_t kept = 0;
  for (std::uint32_t i = nodes_.first(); i != 0; i = nodes_.next(i)) {
    kept += nodes_.value(i).listed || nodes_.value(i).identity != 0;
  }
  writer.put(kept);
  for (std::uint32_t i = nodes_.first(); i != 0; i = nodes_.next(i)) {
    const Node& node = nodes_.value(i);
    if (!node.listed && node.identity == 0) continue;
    put_host(writer, nodes_.key(i));
    writer.put(node.heard.ns);
    writer.put(node.mac_heard.ns);
    writer.put(std::uint64_t{node.mac});
    writer.put(node.identity);
    writer.put(static_cast<std::uint8_t>(node.listed ? 1 : 0));
    writer.put(static_cast<std::uint8_t>(node.too_many ? 1 : 0));
    writer.put(static_cast<std::uint8_t>(node.class_count));
    for (const std::uint16_t known : node.classes) writer.put(known);
  }
  writer.put(identities_.size());
  for (std::uint32_t i = identities_.first(); i != 0; i = identities_.next(i)) {
    writer.put(identities_.key(i).segment.raw());
    writer.put(identities_.key(i).identity);
    put_address(writer, identities_.value(i).address);
  }
}

bool EchonetNodes::load(StateReader& reader, std::uint32_t version) {
  constexpr std::size_t node_bytes = 24 + 4 * 8 + 3 + 2 * classes_max, identity_bytes = 8 + 8 + 16;
  if (version != state_version()) return false;
  // First whether all of it is there, then once more to take it.
  for (const bool apply : {false, true}) {
    StateReader at = reader;
    const auto nodes = at.get<std::uint32_t>();
    if (at.failed() || nodes > nodes_max || nodes > at.left() / node_bytes) return false;
    if (apply) {
      nodes_.clear();
      identities_.clear();
    }
    for (std::uint32_t i = 0; i < nodes; ++i) {
      const HostKey key = get_host(at);
      Node node{};
      node.heard.ns = at.get<std::int64_t>();
      node.mac_heard.ns = at.get<std::int64_t>();
      node.mac = at.get<std::uint64_t>() & 0xffff'ffff'ffff;
      node.identity = at.get<std::uint64_t>();
      node.listed = at.get<std::uint8_t>() != 0;
      node.too_many = at.get<std::uint8_t>() != 0;
      node.class_count = std::min(at.get<std::uint8_t>(), static_cast<std::uint8_t>(classes_max));
      for (std::uint16_t& known : node.classes) known = at.get<std::uint16_t>();
      if (apply) nodes_.value(nodes_.use(key).index) = node;
    }
    const auto identities = at.get<std::uint32_t>();
    if (at.failed() || identities > identities_max || identities > at.left() / identity_bytes) return false;
    for (std::uint32_t i = 0; i < identities; ++i) {
      IdentityKey key;
      key.segment = SegmentKey::from_raw(at.get<std::uint64_t>());
      key.identity = at.get<std::uint64_t>();
      const IpAddress address = get_address(at);
      if (apply) identities_.value(identities_.use(key).index).address = address;
    }
    if (apply) reader = at;
  }
  return true;
}

std::unique_ptr<SiteDetector> make(const Site& site) { return std::make_unique<EchonetNodes>(site); }

}  // namespace

const SiteDetectorRow echonet_nodes_row = {"echonet_nodes", detectors,
                                           facts_of({FactKind::request, FactKind::response, FactKind::inquiry,
                                                     FactKind::control_write, FactKind::reading, FactKind::object}),
                                           false, make};

}  // namespace tsujiban::detect
