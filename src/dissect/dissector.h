#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "metrics/counters.h"
#include "model/fact.h"
#include "model/flow_key.h"
#include "model/packet.h"
#include "model/words.h"

namespace tsujiban::output {
class Mask;
}

namespace tsujiban::dissect {

// What a dissector says of the first bytes of a flow. The port is only a hint.
// `later`: another protocol's, in which both sides may agree to go on in this one (STARTTLS).
enum class Probe : std::uint8_t { mine, unsure, not_mine, later };

enum class Transport : std::uint8_t { datagram, stream };

// What became of the bytes that `feed` was given.
struct Progress {
  enum class Kind : std::uint8_t {
    consumed,   // The first `length` bytes are done with; feed the rest again when there is more (0 < length).
    need_more,  // Nothing consumed: a message begins here but is not complete. `length`: at least so many bytes are
                // needed, or 0.
    malformed,  // `length` bytes are skipped because of `error` at `offset`; go on behind them (0 < length).
    give_up,    // This flow is not dissected any further; said once.
    done,       // The rest of both directions says nothing more, and nobody is to look at it: it is encrypted.
  };
  Kind kind;
  std::uint32_t length = 0;
  ParseError error = ParseError::none;
  std::uint32_t offset = 0;
};

// Whoever can say a flow's id.
class FlowIds {
 public:
  virtual std::uint64_t flow_id_of(std::uint32_t flow) const noexcept = 0;

 protected:
  ~FlowIds() = default;
};

// Whose message it is: filled by the worker for each datagram and each piece of stream. `packet` completed the message.
struct MessageContext {
  const DecodedPacket* packet;
  PacketTime time;
  std::uint64_t flow_id;  // Below 2^53, from content; 0 where `flow_ids` is asked, or where there is no flow.
  Direction direction;
  IpAddress source, destination;  // Of this message.
  std::uint16_t source_port, destination_port;
  SegmentKey segment;
  std::uint8_t ip_protocol;
  AppProtocol app_protocol = AppProtocol::unknown;
  // Most messages have nothing to tell, and an id takes as long as reading a short one.
  const FlowIds* flow_ids = nullptr;
  std::uint32_t flow = 0;
  std::uint64_t pair_hash = 0;  // pair_hash_of the run's seed; 0: whoever needs it makes it.
  std::uint64_t id_of_flow() const noexcept { return flow_ids != nullptr ? flow_ids->flow_id_of(flow) : flow_id; }
};

// Where records and facts go. The pipeline implements it; tests have one that keeps what it is told.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  bool wants(EventType type) const noexcept { return wanted_.has(type); }
  bool wants(FactKind kind) const noexcept { return (facts_wanted_ >> static_cast<unsigned>(kind) & 1u) != 0; }

  // Begins a record: the envelope (timestamp to app_proto) is written and the writer stands inside the outer object,
  // after a member. Null when nobody wants it or it is shed; then `end` must not be called.
  virtual JsonWriter* begin(EventType type, const MessageContext& context) noexcept = 0;
  // Remembers that the member `response_ms` belongs at the writer's present place if the correlator, which sees all
  // workers' requests, knows the multicast request that `answer` answers; its `service` is the request's. Between begin
  // and end; at most once.
  virtual void response_time_here(const Exchange& answer) noexcept = 0;
  virtual void end() noexcept = 0;
  virtual void fact(const Fact& fact) noexcept = 0;
  // For facts that are news: true where what was told last under `place` was not `value`, or was told `repeat` ago or
  // longer (or a few seconds less); it is then remembered. Both are hashes with `seed`: of who and what is spoken of,
  // and of what is said of it. It may forget early, so a fact may come again; once in a million changes it may take
  // another value for the one told last, and nobody without the seed can choose which.
  virtual bool is_change(std::uint64_t place, std::uint64_t value, Duration repeat, PacketTime now) noexcept = 0;
  // The same for sets: true where a bit of `bits`, the lower four, was not told under `place` since its first one was,
  // or that is `repeat` ago. Bits that come later join those that were told.
  virtual bool is_addition(std::uint64_t place, std::uint32_t bits, Duration repeat, PacketTime now) noexcept = 0;
  // What was asked of one place within the present `walk_window`, and told last; it is the caller's. New ones are zero
  // but for `place`. It may be forgotten early.
  struct Asked {
    std::uint32_t place;
    std::uint32_t told_second;   // Of packet time; 0: not yet.
    std::uint32_t since_second;  // Since when `points` are counted.
    std::uint32_t marks;         // What else was told, for the caller.
    std::array<std::uint64_t, 2> points;
  };
  virtual Asked& asked(std::uint64_t place, PacketTime now) noexcept = 0;
  // The same for what has no value but being there.
  bool is_news(std::uint64_t key, PacketTime now) noexcept { return is_change(key, 0, news_repeat, now); }
  const HashSeed& seed() const noexcept { return seed_; }
  // Whether the configuration has the page of this URL watched (WebRequest::url_hash), and whether it has any.
  bool is_watched(std::uint64_t url_hash) const noexcept {
    return std::binary_search(watched_urls_.begin(), watched_urls_.end(), url_hash);
  }
  bool watches_pages() const noexcept { return !watched_urls_.empty() && wants(FactKind::web_page); }
  // What stands in records and facts for readings and identifiers of people's homes; null: they are told as they are.
  const output::Mask* mask() const noexcept { return mask_; }
  // The client of this stream calls its server so (SNI of TLS, Host of HTTP): in lower case, without port and last dot;
  // empty where it does not say. With each ClientHello and each request, where `hears_calls`.
  bool hears_calls() const noexcept { return hears_calls_; }
  virtual void calls(const MessageContext& context, std::string_view name) noexcept {
    static_cast<void>(context), static_cast<void>(name);
  }
  // A broken rule in a message: counted by layer and reason, and an `anomaly` record where those are wanted.
  virtual void anomaly(const MessageContext& context, Layer layer, ParseError error, std::uint32_t offset) noexcept = 0;

 protected:
  EventTypes wanted_;
  HashSeed seed_;
  std::uint32_t facts_wanted_ = 0;  // Bit per FactKind.
  bool hears_calls_ = false;
  const output::Mask* mask_ = nullptr;
  std::span<const std::uint64_t> watched_urls_;  // Hashes in their order; they outlive the sink.
};

// One protocol on one worker. Stream state lives in slots that the dispatcher owns (`stream_state_size` bytes, zeroed
// at the start, trivially destructible); what a worker shares over flows (pairing tables) lives in the object, bounded,
// and allocated when it is made. No call allocates, blocks, logs or throws.
class Dissector {
 public:
  virtual ~Dissector() = default;
  virtual void datagram(const MessageContext& context, Bytes message, RecordSink& sink) noexcept = 0;
  // Fetches what `datagram` will look at for this packet; called some packets earlier, for flows known to be this
  // protocol's.
  virtual void prefetch(const DecodedPacket& packet) const noexcept { static_cast<void>(packet); }
  virtual Progress feed(void* state, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept = 0;
  // `missing` bytes of that direction were lost: the next `feed` begins behind them.
  virtual void gap(void* state, const MessageContext& context, std::uint32_t missing, RecordSink& sink) noexcept = 0;
  // The stream of that direction ended with `left` unconsumed bytes.
  virtual void finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept = 0;
  // The stream is over, or given up: what `state` refers to in the dissector's own memory can go. Once a stream.
  virtual void close(void* state) noexcept { static_cast<void>(state); }
};

struct Limits {
  std::uint32_t pairing_entries = 1u << 18;  // Outstanding requests remembered by a worker.
  std::uint32_t open_streams = 1u << 16;     // Of a protocol whose state of a stream is larger than its slot.
};

// Gets the addresses that one answer of a name service gives to what was asked.
class NameListener {
 public:
  // In the form of DomainName, cut as there.
  virtual void has_address(std::string_view name, const IpAddress& address, std::uint32_t ttl_s) noexcept = 0;

 protected:
  ~NameListener() = default;
};
// Names are looked up by one pair of hosts and used by another, so every worker has to read every answer, whosever it
// is. Nothing is counted or told here: that is done by who owns the pair.
struct NameReader {
  std::uint16_t server_port = 0;  // Over UDP and TCP.
  struct Head {
    std::uint16_t id;
    bool is_answer;
  };
  bool (*head)(Bytes message, Head& head) noexcept = nullptr;  // False: not such a message.
  void (*addresses)(Bytes message, NameListener& listener) noexcept = nullptr;
};

// A row of dissectors/registry.cpp: a constant.
struct DissectorRow {
  AppProtocol protocol;
  bool on_datagrams, on_streams;
  std::span<const std::uint16_t> ports;  // Hints: asked first when one of the ports is among them.
  std::uint32_t stream_state_size;
  std::uint32_t message_bytes_max;  // The largest message that a stream is buffered for.
  Probe (*probe)(Transport transport, bool port_hint, Bytes first) noexcept;
  std::unique_ptr<Dissector> (*make)(const Limits& limits, metrics::WorkerCounters& counters, HashSeed seed);
  bool on_upgrades = false;           // Its `probe` may answer `later`.
  const NameReader* names = nullptr;  // Of a name service.
};

// Every dissector of this build (defined in dissectors/registry.cpp).
std::span<const DissectorRow> registry() noexcept;

}  // namespace tsujiban::dissect
