#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/reserved_memory.h"
#include "detect/signature_rules.h"
#include "metrics/counters.h"
#include "model/address.h"

struct hs_scratch;
struct hs_stream;

namespace tsujiban::detect {

// Whose bytes they are: what a rule's header is compared with. Of protocols without ports the ports are not looked at.
struct ScanSubject {
  IpAddress source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t protocol = 0;  // IP protocol number.
};

struct SignatureMatch {
  std::uint32_t rule = 0;    // Index into the rule set.
  std::uint32_t token = 0;   // The caller's, of the datagram; 0 for streams.
  std::uint64_t offset = 0;  // End of the content that completed the rule: bytes from the start of the datagram, or of
                             // the stream direction (from its last gap, where it had one).
};

// Finds the contents of one rule set in the datagrams and stream directions of one worker. Everything is taken at
// construction, which throws std::bad_alloc where it cannot be had; scanning neither allocates nor throws. Scans and
// streams that got no state are counted here; matches are counted by whoever raises them.
//
// Datagrams are judged by the rules for udp and ip, ordered bytes by the rules for tcp and ip; the caller decides which
// of the two a payload is (UDP, ICMP and others: datagram; TCP: stream), and a rule for udp compares the subject's
// protocol.
class SignatureScanner {
 public:
  static constexpr std::size_t batch_datagrams_max = 1024;  // In one batch.
  static constexpr std::size_t batched_bytes_max =
      512;  // Larger datagrams are scanned in place: copying would cost more than a call.
  static constexpr std::size_t batch_buffer_bytes =
      8192;                                      // Scanned when full; small enough to stay in the first-level cache.
  static constexpr std::size_t hits_min = 1024;  // Room for hits in one batch, at least.
  static constexpr std::size_t partial_bytes_max =
      16u << 20;  // For streams that have some contents of a rule, but not all.

  // At most `streams_max` stream directions are followed at a time; their memory is touched as they come.
  SignatureScanner(std::shared_ptr<const RuleSet> rules, std::uint32_t streams_max, metrics::WorkerCounters& counters);
  ~SignatureScanner();
  SignatureScanner(const SignatureScanner&) = delete;
  SignatureScanner& operator=(const SignatureScanner&) = delete;

  const RuleSet& rules() const noexcept { return *rules_; }
  bool scans_datagrams() const noexcept { return datagram_bytes_min_ != 0; }
  bool scans_streams() const noexcept { return scans_streams_; }

  // A batch: begin, add up to `batch_datagrams_max`, finish; no other scan between. Tokens ascend; the bytes live until
  // the batch is finished.
  void begin_batch() noexcept {
    entries_count_ = 0, placed_count_ = 0, buffer_fill_ = 0, hits_count_ = 0, large_ = false, hits_overflowed_ = false;
  }
  void add_datagram(std::uint32_t token, Bytes bytes) noexcept {
    if (datagram_bytes_min_ == 0 || bytes.size() < datagram_bytes_min_) return;  // No content fits in.
    TSUJIBAN_CHECK(entries_count_ < batch_datagrams_max);
    const std::uint32_t entry = entries_count_++;
    entries_[entry] = {bytes.data(), static_cast<std::uint32_t>(bytes.size()), token};
    if (bytes.size() > batched_bytes_max) {
      large_ = true;
      return;
    }
    if (buffer_fill_ + bytes.size() > batch_buffer_bytes) scan_buffer();
    placed_[placed_count_++] = {buffer_fill_, entry};
    copy_small(buffer_.data() + buffer_fill_, bytes);
    buffer_fill_ += static_cast<std::uint32_t>(bytes.size());
  }
  // `subject_of(token)` gives the ScanSubject, and is asked only where contents were found. `on_match(SignatureMatch)`
  // gets the matches ordered by token and rule, each rule at most once a datagram. Neither may call the scanner.
  template <class SubjectOf, class OnMatch>
  void finish_batch(SubjectOf&& subject_of, OnMatch&& on_match) noexcept {
    if (entries_count_ == 0) return;
    scan_batch();
    if (hits_overflowed_) [[unlikely]] {
      // More hits than there is room for: one datagram at a time never has more than there are literals.
      for (std::uint32_t e = 0; e < entries_count_; ++e) {
        scan_alone({entries_[e].data, entries_[e].length});
        deliver(judge_datagram({hits_.data(), hits_count_}, subject_of(entries_[e].token)), entries_[e].token,
                on_match);
      }
    } else {
      for (std::uint32_t begin = 0, end = 0; begin < hits_count_; begin = end) {
        while (end < hits_count_ && hits_[end].entry == hits_[begin].entry) ++end;
        const std::uint32_t token = entries_[hits_[begin].entry].token;
        deliver(judge_datagram({hits_.data() + begin, end - begin}, subject_of(token)), token, on_match);
      }
    }
    entries_count_ = 0;
  }
  // One datagram at once, outside a batch (a reassembled one).
  template <class OnMatch>
  void scan_datagram(std::uint32_t token, const ScanSubject& subject, Bytes bytes, OnMatch&& on_match) noexcept {
    if (datagram_bytes_min_ == 0 || bytes.size() < datagram_bytes_min_) return;
    scan_alone(bytes);
    counters_.signature_scans.add();
    if (hits_count_ != 0) deliver(judge_datagram({hits_.data(), hits_count_}, subject), token, on_match);
  }

  // The next ordered bytes of a stream direction. `state` is its handle, which the caller keeps; 0 before the first
  // bytes. Contents are found across calls. A rule with one content matches at most once a call, however often the
  // content is in it; a rule with several matches once in a stream direction, when the last of them has been seen (a
  // gap forgets). When all streams are taken the bytes are scanned by themselves, counted in
  // `signature_stream_overflows`.
  template <class OnMatch>
  void scan_stream(std::uint32_t& state, const ScanSubject& subject, Bytes bytes, OnMatch&& on_match) noexcept {
    if (!scans_streams_ || bytes.empty()) return;
    scan_ordered(state, bytes);
    if (hits_count_ != 0) [[unlikely]]
      deliver(judge_stream(state, subject), 0, on_match);
  }
  // Bytes are missing: what came before is not continued by what comes.
  void gap_stream(std::uint32_t& state) noexcept;
  // Gives the state back; `state` becomes 0.
  void close_stream(std::uint32_t& state) noexcept;
  // Fetches a stream's state into the cache, for whoever knows some packets ahead.
  [[gnu::always_inline]] void prefetch_stream(std::uint32_t state) const noexcept {
    const std::uint8_t* at = stream_memory_.data() + std::size_t{state} * stream_bytes_;
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + stream_bytes_ - 1, 1);
  }

  // Bytes that one stream direction takes here, all in.
  std::size_t stream_bytes() const noexcept { return stream_bytes_ + sizeof(std::uint32_t); }
  std::uint32_t streams_open() const noexcept { return streams_open_; }

 private:
  struct Entry {
    const std::uint8_t* data;
    std::uint32_t length, token;
  };
  struct Placed {
    std::uint32_t start, entry;  // Where in the buffer a datagram was put.
  };
  struct Hit {
    std::uint64_t offset;  // End of the literal.
    std::uint32_t literal, entry;
  };
  struct Found {
    std::uint64_t offset;
    std::uint32_t rule;
  };
  struct Callback;
  int hit(std::uint32_t literal, std::uint32_t entry, std::uint64_t offset, const RuleSet::Index& index) noexcept;

  // Small copies inline, by two overlapping halves: the call of memcpy would cost as much as its work.
  static void copy_small(std::uint8_t* to, Bytes bytes) noexcept {
    const std::uint8_t* from = bytes.data();
    const std::size_t n = bytes.size();
    if (n >= 32) {
      for (std::size_t i = 0; i + 32 <= n; i += 32) std::memcpy(to + i, from + i, 32);
      std::memcpy(to + n - 32, from + n - 32, 32);
    } else if (n >= 16) {
      std::memcpy(to, from, 16);
      std::memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
      std::memcpy(to, from, 8);
      std::memcpy(to + n - 8, from + n - 8, 8);
    } else {
      for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
    }
  }

  template <class OnMatch>
  static void deliver(std::span<const Found> found, std::uint32_t token, OnMatch& on_match) noexcept {
    for (const Found& match : found) on_match(SignatureMatch{match.rule, token, match.offset});
  }

  void scan_buffer() noexcept;
  void scan_batch() noexcept;
  void scan_alone(Bytes bytes) noexcept;  // Into empty `hits_`, as entry 0.
  void scan_in_place(std::uint32_t entry, Bytes bytes) noexcept;
  void scan_block(Bytes bytes,
                  int (*callback)(unsigned, unsigned long long, unsigned long long, unsigned, void*)) noexcept;
  void scan_ordered(std::uint32_t& state, Bytes bytes) noexcept;
  std::span<const Found> judge_datagram(std::span<Hit> hits, const ScanSubject& subject) noexcept;
  std::span<const Found> judge_stream(std::uint32_t state, const ScanSubject& subject) noexcept;
  std::span<const Found> settle_found() noexcept;
  std::uint64_t* partial_of(std::uint32_t state) noexcept;
  void release_partial(std::uint32_t state) noexcept;
  hs_stream* stream(std::uint32_t state) const noexcept {
    return reinterpret_cast<hs_stream*>(stream_memory_.data() + std::size_t{state} * stream_bytes_);
  }
  std::uint32_t open_stream() noexcept;
  void create_stream(std::uint32_t state) noexcept;
  void reset_stream(std::uint32_t state) noexcept;

  std::shared_ptr<const RuleSet> rules_;
  metrics::WorkerCounters& counters_;
  std::size_t datagram_bytes_min_ = 0;  // Shortest content of the rules for datagrams; 0: there are none.
  bool scans_streams_ = false;
  struct FreeScratch {
    void operator()(hs_scratch* scratch) const noexcept;
  };
  std::unique_ptr<hs_scratch, FreeScratch> scratch_;

  std::vector<Entry> entries_;
  std::vector<Placed> placed_;
  std::vector<std::uint8_t> buffer_;
  std::uint32_t entries_count_ = 0, placed_count_ = 0, buffer_fill_ = 0;
  bool large_ = false, hits_overflowed_ = false;

  // Hits as the library reports them, one per literal and entry: `stamps_` holds for each literal the last entry it was
  // in, numbered over the scanner's life: `epoch_` on is unused between scans.
  std::vector<Hit> hits_;
  std::uint32_t hits_count_ = 0;
  std::vector<std::uint64_t> stamps_;
  std::vector<std::uint16_t> literal_lengths_;
  std::uint64_t epoch_ = 1, epoch_judged_ = 0;  // The latter: of the stream bytes just scanned.
  std::uint32_t entry_now_ = 0;
  std::vector<Found> found_;  // Room for every rule of every literal.
  std::uint32_t found_count_ = 0;

  // Slot 0 is a stream of our own: for what is scanned by itself.
  ReservedMemory stream_memory_, stream_links_memory_;
  std::uint32_t* stream_links_ = nullptr;  // In use: the stream's partial, or 0; free: the next free one.
  std::size_t stream_bytes_ = 0;
  std::uint32_t streams_max_ = 0, streams_high_ = 0, streams_free_ = 0, streams_open_ = 0;

  // Which contents of rules with several a stream has shown: one bit for each such literal, in a slot that a stream
  // gets at the first of them. Slot 0 is none.
  static constexpr std::uint32_t no_bit = ~std::uint32_t{0};
  std::vector<std::uint32_t> partial_bits_;  // By literal.
  std::size_t partial_words_ = 0;
  ReservedMemory partial_memory_;
  std::uint32_t partials_max_ = 0, partials_high_ = 0, partials_free_ = 0;
};

}  // namespace tsujiban::detect
