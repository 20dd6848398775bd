#pragma once
#include "base/pool.h"
#include "dissect/dissector.h"
#include "dissectors/smb/smb_transaction.h"

namespace tsujiban::smb {

// Requests of one stream that wait for their answer. A further one gives up the oldest, which is then recorded alone.
inline constexpr unsigned outstanding_max = 16;
// Files of one stream that are recorded; further ones are counted only.
inline constexpr unsigned creates_recorded_max = 32;
// Without a message in so many bytes a stream is given up.
inline constexpr std::uint32_t unsynchronised_bytes_max = 1024 * 1024;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// What a message or a command in it is counted as in messages_total: commands of SMB 2 by their number, and these.
namespace counted {
inline constexpr std::uint8_t smb2_other = 19, smb1_negotiate = 32, smb1_session_setup = 33, smb1_logoff = 34,
                              smb1_tree_connect = 35, smb1_nt_create = 36, smb1_other = 37, encrypted = 48,
                              compressed = 49, session_service = 50;
}
std::string_view message_type_name(std::uint8_t type) noexcept;

struct StreamSide {
  std::uint32_t skip;      // Bytes of the present message that are not looked at.
  std::uint32_t searched;  // Since synchronisation was lost.
  bool unsynchronised, told, finished;
};
struct StreamState {
  std::uint32_t oldest, newest;  // Outstanding requests; 0: none.
  std::uint32_t transactions;    // Suricata's id counts all commands; this the recorded ones.
  std::uint16_t creates;
  std::uint8_t outstanding;
  Dialect dialect;
  StreamSide sides[2];  // By Direction.
};

class SmbDissector final : public dissect::Dissector {
 public:
  SmbDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters)
      : requests_(limits.open_streams), counters_(counters) {}

  void datagram(const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;
  void close(void* state) noexcept override;

  // Requests of all streams that wait for their answer.
  std::uint32_t outstanding() const noexcept { return requests_.size(); }

 private:
  struct Seen;
  dissect::Progress search(StreamState& state, StreamSide& side, const dissect::MessageContext& context, Bytes stream,
                           dissect::RecordSink& sink) noexcept;
  dissect::Progress lost(StreamState& state, StreamSide& side, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept;
  dissect::Progress message_in_stream(StreamState& state, StreamSide& side, const dissect::MessageContext& context,
                                      Bytes stream, dissect::RecordSink& sink) noexcept;
  // `message` is what is there of one message of `length` bytes, headers of the session service excluded.
  Fault read_smb2(Seen& seen, Bytes message, bool cut) noexcept;
  Fault read_smb1(Seen& seen, Bytes message, bool cut) noexcept;
  void request(Seen& seen, const Transaction& asked) noexcept;
  void answer(Seen& seen, const Answer& given, std::uint64_t message_id) noexcept;
  std::uint32_t take(StreamState& state, unsigned version, Command command, std::uint64_t message_id) noexcept;
  void drop_oldest(StreamState& state, const dissect::MessageContext* context, bool from_client,
                   dissect::RecordSink* sink) noexcept;
  void record(Seen& seen, const Transaction* asked, const Answer* given) noexcept;
  void count(std::uint8_t type) noexcept { counters_.messages[static_cast<std::size_t>(AppProtocol::smb)][type].add(); }

  Pool<Transaction> requests_;
  Transaction scratch_;  // What a request is read into.
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::smb
