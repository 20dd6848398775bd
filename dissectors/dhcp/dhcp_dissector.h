#pragma once
#include "dissect/dissector.h"
#include "dissectors/dhcp/dhcp_event.h"

namespace tsujiban::dhcp {

// DHCPv4 by its cookie, wherever it goes; DHCPv6, which has none, by options that fit to the end. With the port as a
// hint a believable first byte is enough.
dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// Every message stands alone: there is no state.
class DhcpDissector final : public dissect::Dissector {
 public:
  explicit DhcpDissector(metrics::WorkerCounters& counters) noexcept : counters_(counters) {}

  void datagram(const dissect::MessageContext& context, Bytes message, dissect::RecordSink& sink) noexcept override;
  // Bulk lease queries over TCP (RFC 5460) are not dissected, so no stream is ever claimed.
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void*, const dissect::MessageContext&, std::uint32_t, dissect::RecordSink&) noexcept override {}
  void finish(void*, const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}

 private:
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::dhcp
