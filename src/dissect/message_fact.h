#pragma once
#include "dissect/dissector.h"

namespace tsujiban::dissect {

// Whether the message went to a group, by its address or, for a subnet's broadcast, by its link address.
inline bool to_group(const MessageContext& context) noexcept {
  if (context.destination.is_multicast() || context.destination.is_broadcast()) return true;
  return context.packet != nullptr && context.packet->ethernet != nullptr && (context.packet->ethernet[0] & 1) != 0;
}

// A fact of this message with everything that facts of all kinds have.
inline Fact fact_of(FactKind kind, AppProtocol protocol, const MessageContext& context) noexcept {
  Fact fact;
  fact.kind = kind;
  fact.protocol = protocol;
  fact.ip_protocol = context.ip_protocol;
  fact.to_group = to_group(context);
  fact.time = context.time;
  fact.flow_id = context.id_of_flow();
  fact.segment = context.segment;
  fact.source = context.source;
  fact.destination = context.destination;
  fact.source_port = context.source_port;
  fact.destination_port = context.destination_port;
  if (context.packet != nullptr) {
    if (context.packet->raw != nullptr) {
      fact.has_input = true;
      fact.input = context.packet->raw->input;
      fact.packet_number = context.packet->raw->number;
    }
    if (context.packet->ethernet != nullptr) fact.source_mac = MacAddress::load(context.packet->ethernet + 6);
  }
  return fact;
}

}  // namespace tsujiban::dissect
