#pragma once
#include "dissect/dissector.h"
#include "dissectors/rdp/rdp_message.h"

namespace tsujiban::rdp {

// Elsewhere than on its port a stream is RDP's where it begins with a cookie or a negotiation: the header alone is that
// of everything over ISO transport.
dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a kind of message in messages_total.
std::string_view message_type_name(std::uint8_t type) noexcept;

struct StreamState {
  std::uint32_t records;  // Suricata's tx_id.
  bool begun;             // A PDU was read: what is no TPKT now is TLS, or the session.
  bool lossy;             // Bytes were lost: what follows may be the middle of anything.
};

class RdpDissector final : public dissect::Dissector {
 public:
  explicit RdpDissector(metrics::WorkerCounters& counters) : counters_(counters) {}
  void datagram(const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;

 private:
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::rdp
