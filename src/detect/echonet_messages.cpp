#include "detect/echonet_messages.h"

#include <algorithm>

#include "detect/alert_limit.h"
#include "detect/echonet_dialogs.h"
#include "detect/group_requests.h"
#include "detect/renumbered.h"
#include "detect/site_keys.h"
#include "detect/window_counts.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId detectors[] = {DetectorId::echonet_malformed, DetectorId::echonet_enumeration,
                                    DetectorId::echonet_reflection, DetectorId::echonet_fault_status};
constexpr std::uint32_t sources_max = 1u << 14, watches_max = 1u << 11, heard_max = 1u << 17, loud_max = 1u << 16;
constexpr std::uint32_t hosts_asked_max = 1u << 16, points_max = 1u << 16, walks_max = 1u << 14;
constexpr std::uint32_t outside_max = 1u << 14, links_max = 1u << 15, faults_max = 1u << 17, onsets_max = 1u << 14;

// Who asks is told once in `presence_repeat`, and is answered within a minute.
constexpr Duration asked_recently = Duration::seconds(presence_repeat.ns / 1'000'000'000 + 60);
constexpr Duration restart_time_max = Duration::seconds(60);      // From a broken message to the restart it made.
constexpr Duration silence_min = Duration::seconds(480);          // Beyond a poll and what is told again of who speaks.
constexpr Duration answers_late_max = Duration::seconds(5);       // What still was under way.
constexpr Duration heard_before_max = Duration::seconds(660);     // Who was silent before has not fallen silent.
constexpr Duration controller_age_min = Duration::seconds(3600);  // Without inventory: known by its habit.
constexpr Duration link_memory = Duration::seconds(600);
constexpr std::uint32_t answers_min = 10;         // Fewer reflect nothing.
constexpr std::uint32_t answers_outside_min = 5;  // Distinct values read by a host outside.
constexpr std::uint32_t flows_outside_min = 3;    // Flows of a host outside that were answered.
// What a frame has around an ECHONET Lite message: Ethernet, IP, UDP. With VLAN tags it is a little more.
constexpr std::uint32_t overhead_v4_bytes = 14 + 20 + 8, overhead_v6_bytes = 14 + 40 + 8, message_bytes_min = 14;
constexpr std::uint32_t asked_factor = 4;  // No class has so many properties as this times `epcs`.
constexpr std::uint32_t fault_status = 0x88, fault_code = 0x41, no_fault_code = 0x42;

// What known devices and controllers do all day: a SetGet without its second list, padding.
bool is_quirk(ParseError error) noexcept {
  return error == ParseError::echonet_setget_missing_get || error == ParseError::echonet_trailing_data;
}

bool is_controller(Role role) noexcept {
  switch (role) {
    case Role::ems:
    case Role::gateway:
    case Role::aggregator:
    case Role::coordinator:
    case Role::grid_command:
    case Role::vendor_cloud:
      return true;
    default:
      return false;
  }
}

struct ObjectKey {
  HostKey host;
  std::uint32_t object = 0;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, host.hash(seed), object); }
  bool operator==(const ObjectKey&) const noexcept = default;
};
// The one group of what is counted over the whole site.
constexpr WordsKey whole_site{};

class EchonetMessages final : public SiteDetector {
 public:
  explicit EchonetMessages(const Site& site);
  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override;
  std::uint32_t prefetched() const noexcept override {
    return facts_of({FactKind::inquiry, FactKind::control_write, FactKind::object});
  }
  void prefetch(const Fact& fact, unsigned step) const noexcept override;
  void tick(PacketTime now, Findings& findings) noexcept override;
  std::uint64_t evictions() const noexcept override {
    return series_.evictions() + watches_.evictions() + heard_.evictions() + dialogs_.evictions() + loud_.evictions() +
           hosts_asked_.evictions() + points_refused_.evictions() + links_.evictions() + read_outside_.evictions() +
           faults_.evictions() + onsets_.evictions() + group_requests_.evictions() + limit_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered& numbers) override;
  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override;
  bool load(StateReader& reader, std::uint32_t version) override;

 private:
  using Host = EchonetDialogs::Host;
  using Dialog = EchonetDialogs::Dialog;
  struct Series {
    RecentTimes times;
    std::uint64_t packet;
    bool any;
    ShownPeer shown;
  };
  // The target of a series, to see what becomes of it.
  struct Watch {
    Alert alert;  // Of the latest message to it.
    PacketTime last;
    PacketTime asked;   // By somebody else; 0: not since.
    bool spoke_before;  // Before the series reached it.
    bool told;
  };
  // What few hosts have: that they ask groups, or an alert.
  struct Loud {
    RecentTimes multicast;
    ShownPeer multicast_shown, hosts_shown, reflected_shown;
  };

  Duration forget_of(DetectorId detector, Duration window) const noexcept {
    return std::max(site_.config->settings(detector).repeat, window);
  }
  void heard(const Fact& fact) noexcept;
  Dialog* asks(const Fact& fact) noexcept;
  void malformed(const Fact& fact, const Ends& ends, bool of_property, Findings& findings) noexcept;
  void restarted(const Fact& fact, Findings& findings) noexcept;
  void enumerate(Alert& alert, const Fact& fact, const Ends& ends, const Host& asker, std::uint64_t what,
                 Findings& findings) noexcept;
  void group_request(const Fact& fact, const Ends& ends, Host& asker, Findings& findings) noexcept;
  void inquiry(const Fact& fact, const Ends& ends, Host& asker, Dialog* dialog, Findings& findings) noexcept;
  void refused(const Fact& fact, const Ends& ends, const Host& asker, Findings& findings) noexcept;
  void ask_hosts(const Fact& fact, const Ends& ends, const Host& asker, Findings& findings) noexcept;
  void response(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void reading(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void conversation(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void reflected(Alert& alert, const IpAddress& victim, const IpAddress& reflector, PacketTime time,
                 Findings& findings) noexcept;
  Loud& loud_of(SegmentKey segment, const IpAddress& address) noexcept {
    return loud_.value(loud_.use({segment, address}).index);
  }

  Site site_;
  Duration malformed_window_, multicast_window_, hosts_window_, epcs_window_, reflection_window_, fault_window_;
  std::uint32_t malformed_limit_, multicast_limit_, hosts_limit_, epcs_limit_, devices_limit_;
  double factor_;
  BoundedMap<HostKey, Series> series_;
  BoundedMap<HostKey, Watch> watches_;
  BoundedMap<HostKey, PacketTime> heard_;
  EchonetDialogs dialogs_;
  BoundedMap<HostKey, Loud> loud_;
  DistinctWindow<HostKey, WordsKey> hosts_asked_;
  DistinctWindow<EchonetDialogs::WalkKey, WordsKey> points_refused_;
  GroupRequests group_requests_;
  BoundedMap<WordsKey, PacketTime> links_;  // Where requests are seen.
  DistinctWindow<HostKey, ObjectKey> read_outside_;
  BoundedMap<ObjectKey, std::uint8_t> faults_;
  DistinctWindow<WordsKey, HostKey> onsets_;
  AlertLimit limit_;
  struct FaultHead {
    bool on;
    PacketTime last;
    Alert first;
  } fault_head_{};
};

EchonetMessages::EchonetMessages(const Site& site)
    : site_(site),
      malformed_window_(site.config->tunable_time(DetectorId::echonet_malformed, "window")),
      multicast_window_(site.config->tunable_time(DetectorId::echonet_enumeration, "multicast")),
      hosts_window_(site.config->tunable_time(DetectorId::echonet_enumeration, "hosts")),
      epcs_window_(site.config->tunable_time(DetectorId::echonet_enumeration, "epcs")),
      reflection_window_(site.config->tunable_time(DetectorId::echonet_reflection, "window")),
      fault_window_(site.config->tunable_time(DetectorId::echonet_fault_status, "window")),
      malformed_limit_(site.config->tunable_count_of(DetectorId::echonet_malformed, "count")),
      multicast_limit_(site.config->tunable_count_of(DetectorId::echonet_enumeration, "multicast")),
      hosts_limit_(site.config->tunable_count_of(DetectorId::echonet_enumeration, "hosts")),
      // Fewer are not told.
      epcs_limit_(std::max(walk_refused_min, site.config->tunable_count_of(DetectorId::echonet_enumeration, "epcs"))),
      devices_limit_(site.config->tunable_count_of(DetectorId::echonet_fault_status, "devices")),
      factor_(site.config->tunable(DetectorId::echonet_reflection, "factor").value),
      series_(sources_max, site.seed),
      watches_(watches_max, site.seed),
      heard_(heard_max, site.seed),
      dialogs_(site.seed, epcs_window_, reflection_window_),
      loud_(loud_max, site.seed),
      hosts_asked_(hosts_asked_max, loud_max, hosts_window_, site.seed),
      points_refused_(points_max, walks_max, epcs_window_, site.seed),
      group_requests_(site.seed),
      links_(links_max, site.seed),
      read_outside_(points_max, outside_max, reflection_window_, site.seed),
      faults_(faults_max, site.seed),
      onsets_(onsets_max, 1, fault_window_, site.seed),
      limit_(site.seed) {}

void EchonetMessages::fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  if (fact.protocol != AppProtocol::echonet_lite) return;
  switch (fact.kind) {
    case FactKind::malformed:
      malformed(fact, ends, false, findings);
      return;
    case FactKind::control_write:
      if (fact.control_write.refused) return;
      dialogs_.asker_of(fact);
      asks(fact);
      if (fact.control_write.check == ValueCheck::bad_size) malformed(fact, ends, true, findings);
      return;
    case FactKind::request:
      asks(fact);
      group_request(fact, ends, dialogs_.asker_of(fact), findings);
      return;
    case FactKind::inquiry:
      if (fact.inquiry.refused) return refused(fact, ends, dialogs_.asker_of(fact), findings);
      return inquiry(fact, ends, dialogs_.asker_of(fact), asks(fact), findings);
    case FactKind::response:
      heard(fact);
      response(fact, ends, findings);
      return;
    case FactKind::conversation:
      conversation(fact, ends, findings);
      return;
    case FactKind::reading:
      reading(fact, ends, findings);
      return;
    case FactKind::object:
      restarted(fact, findings);
      heard(fact);
      return;
    default:
      return;
  }
}

void EchonetMessages::prefetch(const Fact& fact, unsigned step) const noexcept {
  switch (fact.kind) {
    case FactKind::inquiry:
    case FactKind::control_write:
      dialogs_.prefetch(fact, step);
      return;
    case FactKind::object:
      heard_.prefetch({fact.segment, fact.source}, step);
      return;
    default:
      return;
  }
}

void EchonetMessages::heard(const Fact& fact) noexcept {
  heard_.value(heard_.use({fact.segment, fact.source}).index) = fact.time;
}

// What is asked of one host has a dialog; of a group, none.
EchonetMessages::Dialog* EchonetMessages::asks(const Fact& fact) noexcept {
  links_.value(links_.use({fact.segment.raw(), 0}).index) = fact.time;
  if (fact.to_group) return nullptr;
  Dialog& dialog = dialogs_.ask(fact);
  if (watches_.size() == 0) return &dialog;
  if (const std::uint32_t i = watches_.find({fact.segment, fact.destination}); i != 0) {
    Watch& watch = watches_.value(i);
    if (watch.alert.source != fact.source) watch.asked = fact.time;
  }
  return &dialog;
}

// A device that answers in a broken way does so always; only what nobody asked for counts. `of_property`: a written
// value that has not its property's size.
void EchonetMessages::malformed(const Fact& fact, const Ends& ends, bool of_property, Findings& findings) noexcept {
  heard(fact);
  if (!of_property) {
    if (is_quirk(fact.malformed.error)) return;
    const Dialog* const dialog = dialogs_.find(fact.segment, fact.destination, fact.source);
    if (dialog != nullptr && fact.time - dialog->time <= asked_recently) return;
    // Announcements to all, of a node that never asks anything: its way, too.
    if (fact.to_group && !dialogs_.has_asked(fact.segment, fact.source)) return;
  }
  Series& series = series_.value(series_.use({fact.segment, fact.source}).index);
  if (series.any && fact.packet_number != 0 && series.packet == fact.packet_number) return;
  series.any = true;
  series.packet = fact.packet_number;
  if (!series.times.add(fact.time, malformed_window_, malformed_limit_)) return;
  Alert alert = alert_of(DetectorId::echonet_malformed, fact, ends);
  alert.merge_key = 1;  // The source, whatever its ports.
  const std::string_view phrase =
      of_property ? "a written value that has not its property's size" : phrase_of(fact.malformed.error);
  say_why(alert, 0, "%u broken messages or more from this source within %.0f s", malformed_limit_,
          malformed_window_.as_seconds());
  say_why(alert, 1, "the latest: %.*s", static_cast<int>(phrase.size()), phrase.data());
  if (!fact.to_group) {
    const auto got = watches_.use({fact.segment, fact.destination});
    Watch& watch = watches_.value(got.index);
    if (got.added || fact.time - watch.last > silence_min) {
      const std::uint32_t before = heard_.find({fact.segment, fact.destination});
      watch = Watch{};
      watch.spoke_before = before != 0 && fact.time - heard_.value(before) <= heard_before_max;
    }
    watch.last = fact.time;
    watch.alert = alert;
  }
  alert.destination = series.shown.show(fact.destination, fact.time, forget_of(alert.detector, malformed_window_));
  if (alert.destination != fact.destination) alert.destination_asset = 0;
  limit_.raise(alert, findings);
}

// A node that begins announces its instance list.
void EchonetMessages::restarted(const Fact& fact, Findings& findings) noexcept {
  if (watches_.size() == 0 || fact.object.how != ObjectSeen::How::announced ||
      fact.object.object >> 8 != node_profile_class) {
    return;
  }
  const std::uint32_t i = watches_.find({fact.segment, fact.source});
  if (i == 0) return;
  Watch& watch = watches_.value(i);
  if (watch.told || fact.time - watch.last > restart_time_max) return;
  watch.told = true;
  Alert alert = watch.alert;
  alert.severity = Severity::high;
  alert.time = fact.time;
  alert.packet_number = fact.packet_number;
  say_why(alert, 2, "the target restarted %.0f s later", (fact.time - watch.last).as_seconds());
  limit_.raise(alert, findings);
}

void EchonetMessages::tick(PacketTime now, Findings& findings) noexcept {
  for (std::uint32_t i = watches_.first(); i != 0;) {
    const std::uint32_t next = watches_.next(i);
    Watch& watch = watches_.value(i);
    if (now - watch.last > silence_min) {
      const PacketTime end = watch.last + answers_late_max;
      const std::uint32_t heard = heard_.find(watches_.key(i));
      const bool silent = watch.spoke_before && watch.asked > end && heard != 0 && heard_.value(heard) <= end;
      if (silent && !watch.told) {
        Alert alert = watch.alert;
        alert.severity = Severity::high;
        alert.time = now;
        alert.packet_number = 0;
        say_why(alert, 2, "the target answers nobody since then, for %.0f s", (now - watch.last).as_seconds());
        limit_.raise(alert, findings);
      }
      watches_.remove(i);
    }
    i = next;
  }
}

// Severity by who asks: a known controller at its start, a host of the segment, or one from outside.
void EchonetMessages::enumerate(Alert& alert, const Fact& fact, const Ends& ends, const Host& asker, std::uint64_t what,
                                Findings& findings) noexcept {
  const bool listed = is_controller(ends.source_role);
  const bool by_habit = !site_.config->has_inventory() && fact.time - asker.first_asking >= controller_age_min;
  const bool outside = ends.source_outside || (!fact.to_group && ends.destination_segment != 0 &&
                                               ends.source_segment != ends.destination_segment);
  if (listed || (by_habit && !outside)) {
    alert.severity = Severity::low;
    say_why(alert, 1, listed ? "a controller of the inventory" : "a controller that asked here long before");
  } else if (outside) {
    alert.severity = Severity::high;
    say_why(alert, 1, "from outside the segment");
  }
  alert.merge_key = what;
  limit_.raise(alert, findings);
}

void EchonetMessages::group_request(const Fact& fact, const Ends& ends, Host& asker, Findings& findings) noexcept {
  group_requests_.request(fact);
  asker.own_bytes[dialogs_.part_of(asker, fact.time)] += fact.exchange.bytes;
  const std::uint8_t service = fact.exchange.service;
  if (fact.exchange.destination_object >> 8 != node_profile_class ||
      (service != service_get && service != service_inf_request)) {
    return;
  }
  // Three at a controller's start are its way (threats, 7): one more is beyond.
  Loud& loud = loud_of(fact.segment, fact.source);
  if (!loud.multicast.add(fact.time, multicast_window_, multicast_limit_ + 1)) return;
  Alert alert = alert_of(DetectorId::echonet_enumeration, fact, ends);
  alert.destination =
      loud.multicast_shown.show(fact.destination, fact.time, forget_of(alert.detector, multicast_window_));
  say_why(alert, 0, "more than %u discovery requests to a group within %.0f s", multicast_limit_,
          multicast_window_.as_seconds());
  enumerate(alert, fact, ends, asker, 1, findings);
}

void EchonetMessages::refused(const Fact& fact, const Ends& ends, const Host& asker, Findings& findings) noexcept {
  const Inquiry& asked = fact.inquiry;
  if (fact.to_group) return;
  const PairKey pair{fact.segment, fact.source, fact.destination};
  DistinctWindow<EchonetDialogs::WalkKey, WordsKey>::Added added{};
  bool more = false;
  for (std::uint32_t n = 0; n < 128; ++n) {
    if ((asked.points[n >> 6] >> (n & 63) & 1) == 0) continue;
    added = points_refused_.add({pair, asked.object}, {n, 0}, fact.time);
    more |= added.added;
  }
  if (!more || added.count <= epcs_limit_) return;
  Alert alert = alert_of(DetectorId::echonet_enumeration, fact, ends);
  say_why(alert, 0, "%u properties of object %06X refused within %.0f s", added.count, asked.object,
          epcs_window_.as_seconds());
  enumerate(alert, fact, ends, asker, 3, findings);
}

void EchonetMessages::ask_hosts(const Fact& fact, const Ends& ends, const Host& asker, Findings& findings) noexcept {
  constexpr DetectorId id = DetectorId::echonet_enumeration;
  const auto hosts =
      hosts_asked_.add_new({fact.segment, fact.source}, {fact.destination.high, fact.destination.low}, fact.time);
  if (!hosts.added || hosts.count < hosts_limit_) return;
  Alert alert = alert_of(id, fact, ends);
  alert.destination =
      loud_of(fact.segment, fact.source).hosts_shown.show(fact.destination, fact.time, forget_of(id, hosts_window_));
  if (alert.destination != fact.destination) alert.destination_asset = 0;
  say_why(alert, 0, "%u hosts asked for what they have within %.0f s", hosts.count, hosts_window_.as_seconds());
  enumerate(alert, fact, ends, asker, 2, findings);
}

void EchonetMessages::inquiry(const Fact& fact, const Ends& ends, Host& asker, Dialog* dialog,
                              Findings& findings) noexcept {
  const Inquiry& asked = fact.inquiry;
  if (!ends.source_outside) asker.own_bytes[dialogs_.part_of(asker, fact.time)] += asked.bytes;
  if (dialog == nullptr) return;
  constexpr DetectorId id = DetectorId::echonet_enumeration;
  if (asked.lists_objects || asked.lists_properties) ask_hosts(fact, ends, asker, findings);
  dialogs_.note_object(fact, *dialog);
  if (asked.object >> 8 != node_profile_class) {
    if (const std::uint32_t objects = dialogs_.count_object(fact, *dialog); objects > epcs_limit_) {
      Alert alert = alert_of(id, fact, ends);
      say_why(alert, 0, "%u objects of one host asked within %.0f s", objects, epcs_window_.as_seconds());
      enumerate(alert, fact, ends, asker, 4, findings);
    }
  }
  const std::uint32_t points = dialogs_.count_points(fact, *dialog);
  if (points <= asked_factor * epcs_limit_) return;
  Alert alert = alert_of(id, fact, ends);
  say_why(alert, 0, "%u properties of object %06X asked within %.0f s", points, asked.object,
          epcs_window_.as_seconds());
  enumerate(alert, fact, ends, asker, 3, findings);
}

void EchonetMessages::reflected(Alert& alert, const IpAddress& victim, const IpAddress& reflector, PacketTime time,
                                Findings& findings) noexcept {
  alert.merge_key = 1;
  alert.source = loud_of(alert.segment, victim)
                     .reflected_shown.show(reflector, time, forget_of(alert.detector, reflection_window_));
  if (alert.source != reflector) alert.source_asset = 0;
  limit_.raise(alert, findings);
}

void EchonetMessages::response(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  const Exchange& answer = fact.exchange;
  if (fact.to_group || answer.pair_asks || answer.service == service_inf_request || group_requests_.explains(fact)) {
    return;
  }
  if (!ends.destination_outside) {
    // Where requests are never seen, every answer would be one that nobody asked for.
    const std::uint32_t link = links_.find({fact.segment.raw(), 0});
    if (link == 0 || fact.time - links_.value(link) > link_memory) {
      findings.rests(DetectorId::echonet_reflection, fact, ends, "no requests are seen on this link");
      return;
    }
  }
  Host& victim = dialogs_.host_of(fact.segment, fact.destination);
  const std::size_t part = dialogs_.part_of(victim, fact.time);
  victim.answer_bytes[part] += answer.bytes;
  ++victim.answers[part];
  std::uint64_t answer_bytes = 0, own_bytes = 0;
  std::uint32_t answers = 0;
  victim.sum(answer_bytes, own_bytes, answers);
  const bool amplified =
      answers >= answers_min && static_cast<double>(answer_bytes) > factor_ * static_cast<double>(own_bytes);
  if (!amplified && !ends.destination_outside) return;
  Alert alert = alert_of(DetectorId::echonet_reflection, fact, ends);
  say_why(alert, 0, "%u answers of %llu bytes within %.0f s to a host that asked for none of them%s", answers,
          static_cast<unsigned long long>(answer_bytes), reflection_window_.as_seconds(),
          ends.destination_outside ? ", outside of every segment" : "");
  say_why(alert, 1, "that host itself sent requests of %llu bytes", static_cast<unsigned long long>(own_bytes));
  reflected(alert, fact.destination, fact.source, fact.time, findings);
}

// A request from outside may carry a victim's address, and then every answer looks asked for. Each flow's first answer
// is measured against what was asked. An answer goes to port 3610 whatever port asked, so it may begin a flow by
// itself.
void EchonetMessages::conversation(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  using Moment = ConversationSeen::Moment;
  const ConversationSeen& seen = fact.conversation;
  const bool there = ends.source_outside && seen.moment == Moment::answered;
  const bool back = ends.destination_outside && !ends.source_outside && seen.moment == Moment::began;
  if (fact.to_group || (!there && !back)) return;
  const IpAddress& outside = there ? fact.source : fact.destination;
  const IpAddress& inside = there ? fact.destination : fact.source;
  const Dialog* const dialog = dialogs_.find(fact.segment, outside, inside);
  if (dialog == nullptr || fact.time - dialog->time > asked_recently) return;
  const std::uint64_t asked = std::max(dialog->bytes, message_bytes_min);
  const std::uint64_t requests = there ? seen.packets - std::min(1u, seen.packets) : 0;
  const std::uint64_t around =
      (requests + 1) * (fact.source.is_v4() ? overhead_v4_bytes : overhead_v6_bytes) + requests * asked;
  Host& victim = dialogs_.host_of(fact.segment, outside);
  const std::size_t part = dialogs_.part_of(victim, fact.time);
  victim.answer_bytes[part] +=
      static_cast<std::uint32_t>(std::min<std::uint64_t>(seen.bytes - std::min(seen.bytes, around), UINT16_MAX));
  victim.own_bytes[part] += static_cast<std::uint32_t>(asked);
  ++victim.answers[part];
  std::uint64_t answer_bytes = 0, own_bytes = 0;
  std::uint32_t answers = 0;
  victim.sum(answer_bytes, own_bytes, answers);
  if (answers < flows_outside_min || static_cast<double>(answer_bytes) <= factor_ * static_cast<double>(own_bytes))
    return;
  Alert alert = alert_of(DetectorId::echonet_reflection, fact, ends);
  if (there) {
    // From the reflector to its victim, as in every alert of this kind.
    std::swap(alert.source, alert.destination);
    std::swap(alert.source_port, alert.destination_port);
    std::swap(alert.source_asset, alert.destination_asset);
  }
  say_why(alert, 0, "%u flows with requests of a host outside of every segment were answered within %.0f s", answers,
          reflection_window_.as_seconds());
  say_why(alert, 1, "their first answers have %llu bytes, for requests of %llu bytes: the sender may be forged",
          static_cast<unsigned long long>(answer_bytes), static_cast<unsigned long long>(own_bytes));
  reflected(alert, outside, inside, fact.time, findings);
}

void EchonetMessages::reading(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  const Reading& reading = fact.reading;
  if (ends.destination_outside && !reading.announced) {
    // A request from outside may carry a victim's address: what leaves is what counts.
    const auto read =
        read_outside_.add_new({fact.segment, fact.destination},
                              {{fact.segment, fact.source}, reading.object << 8 | reading.point}, fact.time);
    if (read.added && read.count >= answers_outside_min) {
      Alert alert = alert_of(DetectorId::echonet_reflection, fact, ends);
      say_why(alert, 0, "%u values answered within %.0f s to a host outside of every segment", read.count,
              reflection_window_.as_seconds());
      reflected(alert, fact.destination, fact.source, fact.time, findings);
    }
  }
  if (reading.point != fault_status || (reading.code != fault_code && reading.code != no_fault_code)) return;
  const auto got = faults_.use({{fact.segment, fact.source}, reading.object});
  std::uint8_t& state = faults_.value(got.index);
  const auto now = static_cast<std::uint8_t>(reading.code);
  // A fault that was there before it was first heard of is no onset, unless it is announced.
  const bool onset = now == fault_code && state != now && (!got.added || reading.announced);
  state = now;
  if (!onset) return;
  const auto devices = onsets_.add_new(whole_site, {fact.segment, fact.source}, fact.time);
  if (!devices.added || devices.count < devices_limit_) return;
  if (!fault_head_.on || fact.time - fault_head_.last > forget_of(DetectorId::echonet_fault_status, fault_window_)) {
    fault_head_.on = true;
    fault_head_.first = alert_of(DetectorId::echonet_fault_status, fact, ends);
  }
  fault_head_.last = fact.time;
  Alert alert = fault_head_.first;
  alert.time = fact.time;
  alert.packet_number = fact.packet_number;
  alert.merge_key = 1;
  say_why(alert, 0, "%u devices began to tell a fault (0x88 = 0x41) within %.0f s", devices.count,
          fault_window_.as_seconds());
  limit_.raise(alert, findings);
}

void EchonetMessages::take_over(SiteDetector& before, const Renumbered& numbers) {
  auto& from = static_cast<EchonetMessages&>(before);
  if (RecentTimes::fits(from.malformed_limit_, malformed_limit_)) series_.take_over(from.series_);
  watches_.take_over(from.watches_);
  for (std::uint32_t i = watches_.first(); i != 0; i = watches_.next(i)) numbers.renumber(watches_.value(i).alert);
  heard_.take_over(from.heard_);
  dialogs_.take_over(from.dialogs_);
  loud_.take_over(from.loud_);
  if (!RecentTimes::fits(from.multicast_limit_ + 1, multicast_limit_ + 1)) {
    for (std::uint32_t i = loud_.first(); i != 0; i = loud_.next(i)) loud_.value(i).multicast = RecentTimes{};
  }
  hosts_asked_.take_over(from.hosts_asked_);
  points_refused_.take_over(from.points_refused_);
  group_requests_.take_over(from.group_requests_);
  links_.take_over(from.links_);
  read_outside_.take_over(from.read_outside_);
  faults_.take_over(from.faults_);
  onsets_.take_over(from.onsets_);
  limit_.take_over(from.limit_);
  fault_head_ = from.fault_head_;
  numbers.renumber(fault_head_.first);
}

void EchonetMessages::save(StateWriter& writer) const {
  dialogs_.save(writer);
  writer.put(faults_.size());
  for (std::uint32_t i = faults_.first(); i != 0; i = faults_.next(i)) {
    put_host(writer, faults_.key(i).host);
    writer.put(faults_.key(i).object);
    writer.put(faults_.value(i));
  }
}

bool EchonetMessages::load(StateReader& reader, std::uint32_t version) {
  constexpr std::size_t fault_bytes = 24 + 4 + 1;
  if (version != state_version()) return false;
  // First whether all of it is there, then once more to take it.
  for (const bool apply : {false, true}) {
    StateReader at = reader;
    if (!dialogs_.load(at, apply)) return false;
    if (apply) faults_.clear();
    const auto faults = at.get<std::uint32_t>();
    if (at.failed() || faults > faults_max || faults > at.left() / fault_bytes) return false;
    for (std::uint32_t i = 0; i < faults; ++i) {
      ObjectKey key;
      key.host = get_host(at);
      key.object = at.get<std::uint32_t>();
      const auto state = at.get<std::uint8_t>();
      if (apply) faults_.value(faults_.use(key).index) = state;
    }
    if (apply) reader = at;
  }
  return true;
}

std::unique_ptr<SiteDetector> make(const Site& site) { return std::make_unique<EchonetMessages>(site); }

}  // namespace

const SiteDetectorRow echonet_messages_row = {
    "echonet_messages", detectors,
    facts_of({FactKind::malformed, FactKind::control_write, FactKind::request, FactKind::inquiry, FactKind::response,
              FactKind::reading, FactKind::object, FactKind::conversation}),
    false, make};

}  // namespace tsujiban::detect
