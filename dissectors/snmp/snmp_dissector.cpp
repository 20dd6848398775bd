#include "dissectors/snmp/snmp_dissector.h"

namespace tsujiban::snmp {

using dissect::Probe;
using dissect::RecordSink;

Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != dissect::Transport::datagram || first.empty() || first[0] != tag::sequence) return Probe::not_mine;
  const Message message = read_message(first);
  return !message.malformed() || (port_hint && message.version != 0) ? Probe::mine : Probe::not_mine;
}

std::string_view message_type_name(std::uint8_t type) noexcept { return name_of(static_cast<Kind>(type)); }

void SnmpDissector::datagram(const dissect::MessageContext& context, Bytes bytes, RecordSink& sink) noexcept {
  constexpr auto self = static_cast<std::size_t>(AppProtocol::snmp);
  Message message = read_message(bytes);
  counters_.messages[self][static_cast<std::size_t>(message.kind)].add();
  // What the capture cut is no fault of the sender.
  if (message.malformed() && context.packet != nullptr && context.packet->snapped) message.error = ParseError::none;
  if (message.malformed()) {
    counters_.messages_malformed[self].add();
    sink.anomaly(context, Layer::application, message.error, message.error_offset);
  }
  if (!sink.wants(EventType::snmp)) return;
  JsonWriter* const writer = sink.begin(EventType::snmp, context);
  if (writer == nullptr) return;
  writer->key("snmp");
  writer->begin_object();
  write_message(*writer, message);
  writer->end_object();
  sink.end();
}

namespace {
constexpr std::uint16_t ports[] = {port_agent, port_trap};
std::unique_ptr<dissect::Dissector> make(const dissect::Limits&, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<SnmpDissector>(counters);
}
}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::snmp, true, false, ports, 0, 0, &probe, &make};

}  // namespace tsujiban::snmp
