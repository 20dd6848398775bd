#include "pipeline/record_writer.h"

#include <sched.h>
#include <time.h>

#include <algorithm>

#include "output/community_id.h"
#include "output/record_json.h"

namespace tsujiban::pipeline {
namespace {

constexpr std::uint64_t closing = std::uint64_t{1} << 63;  // Order of what follows the flows' ends at a tick.

// A short sleep while the correlator catches up; yielding alone would take its core when there is only one.
void wait_a_little() noexcept {
  const timespec pause{0, 50'000};
  nanosleep(&pause, nullptr);
}

}  // namespace

RecordWriter::RecordWriter(const RunContext& run, RecordRing& ring, metrics::WorkerCounters& counters,
                           const std::atomic<bool>& abandoned)
    : run_(run),
      ring_(ring),
      counters_(counters),
      abandoned_(abandoned),
      timestamps_(run.config->timezone),
      scratch_(record_bytes_max),
      json_(scratch_.as<char>(), record_bytes_max) {
  wanted_ = run.events;
  seed_ = run.seed;
  mask_ = run.mask != nullptr && run.mask->on() ? run.mask.get() : nullptr;
  watched_urls_ = run.config->watched_url_hashes;  // The run holds its configuration.
  wanted_.add(EventType::alert);                   // Counted and summed up even where no output wants them.
}

RecordHeader* RecordWriter::room(std::size_t body_bytes, bool alert) noexcept {
  const std::size_t free_min = run_.live && !alert ? ring_.capacity() / 4 : 0;
  for (;;) {
    if (RecordHeader* header = ring_.reserve(body_bytes, free_min); header != nullptr) return header;
    if (run_.live || abandoned_.load(std::memory_order_relaxed)) return nullptr;
    wait_a_little();
  }
}

JsonWriter* RecordWriter::begin(output::Envelope& envelope, bool has_input, std::uint16_t input) noexcept {
  type_ = envelope.type;
  late_ = false;
  time_ = envelope.time;
  segment_ = envelope.segment;
  source_ = envelope.source;
  destination_ = envelope.destination;
  json_ = JsonWriter(scratch_.as<char>(), record_bytes_max);
  char community[output::community_id_text_size];
  char segment_name[policy::Inventory::segment_text_max];
  if (envelope.network == output::Envelope::Network::ip) {
    envelope.community_id =
        output::write_community_id(envelope.source, envelope.destination, envelope.source_port,
                                   envelope.destination_port, envelope.protocol, envelope.has_ports, community);
  }
  envelope.host = run_.config->host_name;
  if (has_input) (run_.live ? envelope.in_iface : envelope.pcap_filename) = run_.input_name(input);
  if (envelope.network != output::Envelope::Network::none) {
    envelope.segment_name =
        run_.inventory->segment_name(envelope.segment, envelope.source, envelope.destination, segment_name);
  }
  json_.begin_object();
  output::write_envelope(json_, timestamps_, envelope);
  return &json_;
}

JsonWriter* RecordWriter::begin(EventType type, const dissect::MessageContext& context) noexcept {
  if (!wants(type)) return nullptr;
  output::Envelope envelope;
  envelope.type = type;
  envelope.time = context.packet != nullptr ? context.packet->raw->time : context.time;
  envelope.flow_id = context.id_of_flow();
  if (!run_.live && context.packet != nullptr) envelope.pcap_cnt = context.packet->raw->number;
  envelope.network = context.packet != nullptr && context.packet->is_arp            ? output::Envelope::Network::arp
                     : context.packet != nullptr && context.packet->ip_version == 0 ? output::Envelope::Network::none
                                                                                    : output::Envelope::Network::ip;
  envelope.protocol = context.ip_protocol;
  envelope.has_ports = context.packet == nullptr || context.packet->transport != nullptr;
  envelope.source_port = context.source_port;
  envelope.destination_port = context.destination_port;
  envelope.source = context.source;
  envelope.destination = context.destination;
  envelope.app_protocol = context.app_protocol;
  envelope.segment = context.segment;
  return begin(envelope, context.packet != nullptr || has_input_,
               context.packet != nullptr ? context.packet->raw->input : input_);
}

void RecordWriter::response_time_here(const Exchange& answer) noexcept {
  late_ = true;
  late_at_ = static_cast<std::uint32_t>(json_.size());
  answer_ = answer;
}

void RecordWriter::end() noexcept {
  json_.end_object();
  json_.raw("\n");
  if (json_.overflowed()) {
    counters_.record_overflows.add();
    return;
  }
  const std::string_view text = json_.text();
  RecordHeader* header = room(sizeof(EventDetails) + text.size(), type_ == EventType::alert);
  if (header == nullptr) {
    if (type_ == EventType::alert)
      counters_.alerts_shed.add();
    else
      counters_.records_shed.add();
    return;
  }
  header->kind = RecordKind::event;
  header->order = order_;
  header->time = time_;
  new (RecordRing::body(header))
      EventDetails{type_,    late_,   late_at_,     answer_,
                   segment_, source_, destination_, type_ == EventType::alert ? brief_ : AlertBrief{}};
  std::memcpy(RecordRing::body(header) + sizeof(EventDetails), text.data(), text.size());
  ring_.commit();
  counters_.records.add();
}

void RecordWriter::fact(const Fact& fact) noexcept {
  const std::size_t bytes = fact_bytes(fact.kind);
  RecordHeader* header = room(bytes, false);
  if (header == nullptr) {
    counters_.records_shed.add();
    return;
  }
  header->kind = RecordKind::fact;
  header->order = order_;
  header->time = fact.time;
  std::memcpy(RecordRing::body(header), &fact, bytes);
  ring_.commit();
}

void RecordWriter::pulse(Bytes body) noexcept {
  RecordHeader* header = room(body.size(), true);
  if (header == nullptr) return;  // The next one carries the sums.
  header->kind = RecordKind::pulse;
  header->order = order_;
  std::memcpy(RecordRing::body(header), body.data(), body.size());
  ring_.commit();
}

void RecordWriter::anomaly(const dissect::MessageContext& context, Layer layer, ParseError error,
                           std::uint32_t offset) noexcept {
  counters_.error(layer, error);
  JsonWriter* json = begin(EventType::anomaly, context);
  if (json == nullptr) return;
  output::write_anomaly(*json, Anomaly{layer, error, offset});
  end();
}

void RecordWriter::write_alert(const Alert& alert, std::uint64_t occurrences, bool first) noexcept {
  output::Envelope envelope;
  envelope.type = EventType::alert;
  envelope.time = alert.time;
  envelope.flow_id = alert.flow_id;
  if (!run_.live) envelope.pcap_cnt = alert.packet_number;
  envelope.network = alert.has_addresses ? output::Envelope::Network::ip : output::Envelope::Network::none;
  envelope.protocol = alert.protocol;
  envelope.has_ports = alert.source_port != 0 || alert.destination_port != 0;
  envelope.source_port = alert.source_port;
  envelope.destination_port = alert.destination_port;
  envelope.source = alert.source;
  envelope.destination = alert.destination;
  envelope.app_protocol = alert.app_protocol;
  envelope.segment = alert.segment;
  JsonWriter* json = begin(envelope, alert.has_input, alert.input);

  output::AlertNames names;
  names.id = output::alert_identity(alert);
  const auto& assets = run_.config->assets;
  if (alert.source_asset != 0) {
    names.source_asset = assets[alert.source_asset - 1].name;
    names.source_role = assets[alert.source_asset - 1].role;
  }
  if (alert.destination_asset != 0) {
    names.destination_asset = assets[alert.destination_asset - 1].name;
    names.destination_role = assets[alert.destination_asset - 1].role;
  }
  if (alert.detector == DetectorId::signature) {
    const detect::SignatureRule& rule = run_.rules->rule(alert.rule);
    names.signature = rule.message;
    names.category = rule.category;
  }
  names.scenario = alert.inbound_from_outside ? "unauthorized-access" : alert.scenario;
  names.power_at_risk_kw = alert.power_at_risk_kw;
  output::write_alert(*json, timestamps_, alert, names);
  brief_ = {names.id,
            alert.count,
            occurrences,
            alert.first_seen,
            alert.rule,
            alert.source_asset,
            alert.destination_asset,
            alert.detector,
            alert.severity,
            alert.interface,
            first,
            alert.has_addresses};
  // Conditions that end at one tick are told in an order made from their content, whichever worker holds them.
  const Order before = order_;
  if (order_.phase == Phase::tick && order_.tiebreak >= closing)
    order_.tiebreak = std::max(closing, std::min(~std::uint64_t{1}, closing | names.id >> 1));
  end();
  order_ = before;
}

}  // namespace tsujiban::pipeline
