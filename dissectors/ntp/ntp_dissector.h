#pragma once
#include "dissect/dissector.h"
#include "dissectors/ntp/ntp_message.h"

namespace tsujiban::ntp {

// Port 123 must be one of both: a header without a magic number is too easily seen in anybody's datagram.
dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a mode in messages_total; empty where there is none.
std::string_view message_type_name(std::uint8_t type) noexcept;

class NtpDissector final : public dissect::Dissector {
 public:
  explicit NtpDissector(metrics::WorkerCounters& counters) : counters_(counters) {}
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

}  // namespace tsujiban::ntp
