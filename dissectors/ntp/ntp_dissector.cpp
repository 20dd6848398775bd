#include "dissectors/ntp/ntp_dissector.h"

namespace tsujiban::ntp {

using dissect::Probe;
using dissect::RecordSink;

Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != dissect::Transport::datagram || !port_hint) return Probe::not_mine;
  return read_message(first).malformed() ? Probe::not_mine : Probe::mine;
}

std::string_view message_type_name(std::uint8_t type) noexcept { return name_of_mode(type); }

void NtpDissector::datagram(const dissect::MessageContext& context, Bytes bytes, RecordSink& sink) noexcept {
  constexpr auto self = static_cast<std::size_t>(AppProtocol::ntp);
  Message message = read_message(bytes);
  counters_.messages[self][message.mode].add();
  // What the capture cut is no fault of the sender.
  if (message.malformed() && context.packet != nullptr && context.packet->snapped) message.error = ParseError::none;
  if (message.malformed()) {
    counters_.messages_malformed[self].add();
    sink.anomaly(context, Layer::application, message.error, message.error_offset);
  }
  if (!sink.wants(EventType::ntp)) return;
  JsonWriter* const writer = sink.begin(EventType::ntp, context);
  if (writer == nullptr) return;
  writer->key("ntp");
  writer->begin_object();
  write_message(*writer, message);
  writer->end_object();
  sink.end();
}

namespace {
constexpr std::uint16_t ports[] = {port_ntp};
std::unique_ptr<dissect::Dissector> make(const dissect::Limits&, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<NtpDissector>(counters);
}
}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::ntp, true, false, ports, 0, 0, &probe, &make};

}  // namespace tsujiban::ntp
