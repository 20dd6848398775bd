#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "base/pool.h"
#include "decode/checksum.h"
#include "decode/decoder.h"
#include "decode/duplicate_filter.h"
#include "detect/signature_scanner.h"
#include "dissect/dispatcher.h"
#include "flow/flow_table.h"
#include "pipeline/alert_merger.h"
#include "pipeline/name_streams.h"
#include "pipeline/packet_clock.h"
#include "pipeline/pulse.h"
#include "pipeline/record_writer.h"
#include "pipeline/replacement.h"
#include "pipeline/run_context.h"
#include "policy/name_memory.h"
#include "reassembly/byte_store.h"
#include "reassembly/fragments.h"
#include "reassembly/stream.h"

namespace tsujiban::pipeline {

// Packets in, records out, on one core. Every worker sees every packet's time, so that all agree on it, and its pair,
// and goes on with those whose segment and address pair are its share. Nothing is shared with other workers but the
// immutable run, of which each has its own copy: a reload reaches it between two batches.
class Worker final : private flow::FlowEndHandler,
                     private reassembly::StreamConsumer,
                     private dissect::FlowIds,
                     private CallListener {
 public:
  static constexpr std::size_t batch_max = 64;

  Worker(const RunContext& run, unsigned index, RecordRing& ring, metrics::WorkerCounters& counters,
         const std::atomic<bool>& abandoned);

  // Up to `batch_max` packets, whose bytes live until it returns.
  void process(std::span<const RawPacket> packets) noexcept;
  // The wall clock says so, and no packet came (live only).
  void idle(PacketTime wall) noexcept;
  // No more packets: every flow and condition ends.
  void finish() noexcept;
  // All records of packets up to this number are in the ring.
  std::uint64_t done() const noexcept { return done_.load(std::memory_order_acquire); }
  // By asset index: 1 where it was seen as an end of a flow.
  const std::vector<std::uint8_t>& assets_seen() const noexcept { return assets_seen_; }
  // The link types of the packets so far; further ones than fit are not listed.
  const FixedVector<LinkType, 16>& links() const noexcept { return links_; }
  std::int64_t first_ns() const noexcept { return first_ns_; }
  std::int64_t last_ns() const noexcept { return last_ns_; }
  // Another configuration is taken from here between two batches, or at the next wall-clock tick.
  ReplacementSlot& replacement() noexcept { return replacement_; }

 private:
  // What a TCP flow needs beside its slot.
  struct Session {
    std::uint32_t stream;               // reassembly::StreamEngine.
    std::uint32_t app;                  // dissect::Dispatcher.
    std::array<std::uint32_t, 2> scan;  // detect::SignatureScanner.
    std::uint32_t flow;
    std::uint32_t scanner;  // Whose states `scan` has: `scanner_number_` then.
  };

  bool is_mine(std::uint64_t pair_hash) const noexcept {
    return static_cast<std::uint32_t>((pair_hash >> 32) * run_.workers >> 32) == index_;
  }
  std::size_t pick_own(std::span<const RawPacket> packets) noexcept;
  static constexpr std::size_t states_ahead = 6;  // Packets between fetching a TCP flow's states and using them.
  void prefetch_states(std::uint32_t session_index, bool has_payload) const noexcept;
  static constexpr std::size_t pairs_ahead = 8;
  void prefetch_pair(const DecodedPacket& packet, AppProtocol app) const noexcept;
  void take(Replacement& next) noexcept;
  std::uint32_t facts_wanted() const noexcept;
  // States of a scanner that was replaced are nobody's any more.
  std::uint32_t& scan_of(Session& session, Direction direction) const noexcept {
    if (session.scanner != scanner_number_) [[unlikely]] {
      session.scan = {};
      session.scanner = scanner_number_;
    }
    return session.scan[static_cast<unsigned>(direction)];
  }
  void note_link(LinkType link) noexcept;
  void report(PacketTime now, bool idle) noexcept;
  void tick(PacketTime now, std::uint64_t number, Phase phase) noexcept;
  void handle(DecodedPacket& packet, std::size_t token, std::uint32_t hint) noexcept;
  void handle_fragment(DecodedPacket& packet, std::size_t token) noexcept;
  // `plain`: DecodedPacket::plain.
  template <bool plain>
  void handle_ip(DecodedPacket& packet, std::size_t token, std::uint32_t hint) noexcept;
  // What is done with a flow at few of its packets.
  struct Occasion {
    bool created, identified, outdated, due, burst;
  };
  void look_at_flow(std::uint32_t flow_index, const Occasion& occasion, const DecodedPacket& packet,
                    Direction direction) noexcept;
  bool weigh_checksum(DecodedPacket& packet, std::uint32_t flow_index, Direction direction) noexcept;
  void handle_tcp(DecodedPacket& packet, std::uint32_t flow_index, Direction direction) noexcept;
  void record_arp(const DecodedPacket& packet) noexcept;
  Fact fact_of(FactKind kind, const DecodedPacket& packet) const noexcept;
  void note_conversation(std::uint32_t flow_index, bool created, bool identified, bool goes_on, bool burst,
                         const DecodedPacket& packet, Direction direction) noexcept;
  void tell_conversation(ConversationSeen::Moment moment, std::uint32_t flow_index, const DecodedPacket& packet,
                         Direction direction, bool burst = false) noexcept;
  void tell_arp_claim(const DecodedPacket& packet) noexcept;
  void tell_claim(const Fact& fact) noexcept;
  void tell_neighbour(const DecodedPacket& packet) noexcept;
  void tell_anomalies(const DecodedPacket& packet, dissect::MessageContext& context) noexcept;
  void raise_signature(const detect::SignatureMatch& match, const dissect::MessageContext& context) noexcept;
  // `over`: the flow has ended and will not say a name any more.
  void judge(std::uint32_t flow_index, PacketTime time, bool over = false) noexcept;
  policy::Verdict verdict_of(std::uint32_t flow_index, PacketTime time, bool over) noexcept;
  bool began_unseen(std::uint32_t flow_index) const noexcept;
  void note_names(const DecodedPacket& packet) noexcept;
  void note_name(const DecodedPacket& packet, bool from_server, Bytes message) noexcept;
  void called(const dissect::MessageContext& context, std::string_view name) noexcept override;
  // `packet` may be null: the flow is over.
  void tell_denied(std::uint32_t flow_index, PacketTime time, const RawPacket* packet) noexcept;
  dissect::MessageContext context_of(const DecodedPacket& packet, std::uint32_t flow_index,
                                     Direction direction) const noexcept;
  dissect::MessageContext stream_context(Direction direction) const noexcept;
  policy::Conversation conversation_of(std::uint32_t flow_index, PacketTime time) const noexcept;
  void fill(Alert& alert, const dissect::MessageContext& context) const noexcept;
  std::uint64_t flow_id_of(std::uint32_t flow_index) const noexcept override;
  void end_session(std::uint32_t flow_index) noexcept;

  void flow_ended(std::uint32_t flow, flow::EndReason reason) noexcept override;
  void bytes(Direction direction, Bytes piece) noexcept override;
  void gap(Direction direction, std::uint32_t missing) noexcept override;
  void finished(Direction direction) noexcept override;
  void anomaly(Direction direction, ParseError error, std::uint32_t offset) noexcept override;

  RunContext run_;
  const unsigned index_;
  metrics::WorkerCounters& counters_;
  RecordWriter records_;
  AlertMerger merger_;
  PacketClock clock_;
  decode::Decoder decoder_;
  decode::DuplicateFilter duplicates_;
  reassembly::FragmentTable fragments_;
  flow::FlowTable flows_;
  reassembly::StreamEngine streams_;
  reassembly::ByteStore app_bytes_;
  dissect::Dispatcher dispatcher_;
  std::unique_ptr<detect::SignatureScanner> scanner_;
  std::uint32_t scanner_number_ = 0;
  Pool<Session> sessions_;
  std::unique_ptr<policy::NameMemory> names_;  // Where allow entries have domains.
  NameStreams name_streams_;                   // To learn them from, over TCP.
  std::uint64_t name_evictions_before_ = 0;    // Of memories before this one.
  const dissect::NameReader* name_reader_ = nullptr;
  bool renamed_ = false;  // The flow at hand was called something.
  bool scans_;
  // Packet time of the last reload: flows not heard since then are judged anew at their next packet.
  std::int64_t reloaded_ns_ = INT64_MIN;
  // A flow's `told`: the minute of packet time it was looked at last (flows that are silent for 32 are over), and what
  // its verdict hangs on.
  static constexpr std::uint8_t told_minute_mask = 0x1f, verdict_is_timed = 0x80;
  static constexpr std::uint8_t name_said = 0x40;  // The client has called the server something.
  static constexpr std::uint8_t verdict_awaits_name = 0x20;
  static constexpr Duration name_wait = Duration::seconds(60);  // Who says no name until then says none.
  std::uint8_t told_mark_ = 0;                                  // The minute now.
  std::vector<DecodedPacket> packets_;                          // batch_max, reused.
  std::array<std::uint32_t, batch_max + 1> own_{};              // Indices, and one behind the last.
  std::array<std::uint64_t, batch_max> tags_{};
  std::array<std::uint32_t, batch_max> guesses_{};
  // What a packet's flow, where the guess is right, has behind it: a TCP session, or the protocol of its datagrams.
  struct Hang {
    std::uint32_t session;
    AppProtocol app;
  };
  std::array<Hang, batch_max> hangs_{};
  std::vector<detect::SignatureMatch> matches_;
  std::size_t match_at_ = 0;
  std::int64_t tick_second_ = INT64_MIN, second_begins_ns_ = INT64_MIN, pulse_at_ns_ = INT64_MIN;
  std::uint64_t last_number_ = 0;
  std::uint64_t answered_ = 0, one_sided_ = 0;
  std::int64_t first_ns_ = 0, last_ns_ = 0;
  std::vector<std::uint8_t> assets_seen_;
  FixedVector<LinkType, 16> links_;
  LinkType link_last_{};
  // While a stream is fed: whose it is.
  std::uint32_t current_flow_ = 0;
  const DecodedPacket* current_packet_ = nullptr;
  PacketTime current_time_{};
  ReplacementSlot replacement_;
  alignas(64) std::atomic<std::uint64_t> done_{0};
};

}  // namespace tsujiban::pipeline
