#pragma once
#include "dissect/dissector.h"
#include "dissectors/snmp/snmp_message.h"

namespace tsujiban::snmp {

// On a port of SNMP what begins as a message of a known version; elsewhere only a whole message without a fault.
dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a kind of message in messages_total.
std::string_view message_type_name(std::uint8_t type) noexcept;

class SnmpDissector final : public dissect::Dissector {
 public:
  explicit SnmpDissector(metrics::WorkerCounters& counters) : counters_(counters) {}
  void datagram(const dissect::MessageContext& context, Bytes message, dissect::RecordSink& sink) noexcept override;
  dissect::Progress feed(void*, const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {
    return {dissect::Progress::Kind::give_up};
  }
  void gap(void*, const dissect::MessageContext&, std::uint32_t, dissect::RecordSink&) noexcept override {}
  void finish(void*, const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}

 private:
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::snmp
