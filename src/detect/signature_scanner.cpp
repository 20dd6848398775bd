#include "detect/signature_scanner.h"

#include <hs.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace tsujiban::detect {
namespace {

// Hyperscan takes the memory of a stream from one process-wide allocator. Ours hands out the place that the opening
// thread has named; whoever names none gets plain malloc, which fits the library's free since none of our streams is
// ever closed.
struct StreamPlace {
  void* at = nullptr;
  std::size_t bytes = 0;
};
thread_local StreamPlace stream_place;

void* allocate_stream(std::size_t bytes) {
  if (stream_place.at == nullptr) return std::malloc(bytes);
  return bytes <= stream_place.bytes ? std::exchange(stream_place.at, nullptr) : nullptr;
}

void install_stream_allocator() {
  static const hs_error_t set = hs_set_stream_allocator(allocate_stream, std::free);
  static_cast<void>(set);
}

bool has_ports(std::uint8_t protocol) noexcept {
  constexpr std::uint8_t tcp = 6, udp = 17, dccp = 33, sctp = 132, udp_lite = 136;
  return protocol == tcp || protocol == udp || protocol == dccp || protocol == sctp || protocol == udp_lite;
}

// A rule's header against the packet's. Whether the rule belongs to datagrams or to streams the index has settled.
bool applies(const SignatureRule& rule, const ScanSubject& subject) noexcept {
  constexpr std::uint8_t protocol_of[] = {6, 17, 0};  // By RuleProtocol.
  const std::uint8_t protocol = protocol_of[static_cast<std::size_t>(rule.protocol)];
  if (protocol != 0 && protocol != subject.protocol) return false;
  const bool everywhere = rule.source_ports.is_everything() && rule.destination_ports.is_everything();
  if (!everywhere && !has_ports(subject.protocol)) return false;
  const auto from_to = [&](const IpAddress& from, std::uint16_t from_port, const IpAddress& to, std::uint16_t to_port) {
    return rule.source.contains(from) && rule.destination.contains(to) &&
           (everywhere || (rule.source_ports.contains(from_port) && rule.destination_ports.contains(to_port)));
  };
  return from_to(subject.source, subject.source_port, subject.destination, subject.destination_port) ||
         (rule.both_directions &&
          from_to(subject.destination, subject.destination_port, subject.source, subject.source_port));
}

constexpr std::size_t round_up(std::size_t n, std::size_t unit) noexcept { return (n + unit - 1) / unit * unit; }

// The library counts bytes in an unsigned int. No datagram comes near it; the rest of a longer one is left.
unsigned scan_length(Bytes bytes) noexcept {
  return static_cast<unsigned>(std::min<std::size_t>(bytes.size(), std::numeric_limits<unsigned>::max()));
}

}  // namespace

// What the library calls on each occurrence of a literal; a result other than 0 ends the scan.
struct SignatureScanner::Callback {
  // In the batch buffer: find the datagram; an occurrence that began in the one before is none.
  static int batch(unsigned literal, unsigned long long, unsigned long long to, unsigned, void* context) {
    auto& self = *static_cast<SignatureScanner*>(context);
    const Placed* begin = self.placed_.data();
    const Placed* after =
        std::lower_bound(begin, begin + self.placed_count_, to,
                         [](const Placed& placed, unsigned long long end) { return placed.start < end; });
    const Placed& placed = *(after - 1);
    if (to - placed.start < self.literal_lengths_[literal]) return 0;
    return self.hit(literal, placed.entry, to - placed.start, self.rules_->datagram_index());
  }
  static int in_place(unsigned literal, unsigned long long, unsigned long long to, unsigned, void* context) {
    auto& self = *static_cast<SignatureScanner*>(context);
    return self.hit(literal, self.entry_now_, to, self.rules_->datagram_index());
  }
  static int ordered(unsigned literal, unsigned long long, unsigned long long to, unsigned, void* context) {
    auto& self = *static_cast<SignatureScanner*>(context);
    return self.hit(literal, 0, to, self.rules_->stream_index());
  }
};

int SignatureScanner::hit(std::uint32_t literal, std::uint32_t entry, std::uint64_t offset,
                          const RuleSet::Index& index) noexcept {
  if (stamps_[literal] == epoch_ + entry || !index.has(literal)) return 0;
  stamps_[literal] = epoch_ + entry;
  if (hits_count_ == hits_.size()) {
    hits_overflowed_ = true;
    return 1;
  }
  hits_[hits_count_++] = {offset, literal, entry};
  return 0;
}

void SignatureScanner::FreeScratch::operator()(hs_scratch* scratch) const noexcept { hs_free_scratch(scratch); }

SignatureScanner::SignatureScanner(std::shared_ptr<const RuleSet> rules, std::uint32_t streams_max,
                                   metrics::WorkerCounters& counters)
    : rules_(std::move(rules)), counters_(counters), streams_max_(streams_max) {
  datagram_bytes_min_ = rules_->datagram_index().literal_bytes_min;
  scans_streams_ = rules_->stream_index().literal_bytes_min != 0;
  const std::size_t literals = rules_->literals().size();
  stamps_.assign(literals, 0);
  for (const RuleSet::Literal& literal : rules_->literals())
    literal_lengths_.push_back(static_cast<std::uint16_t>(literal.bytes.size()));
  hits_.resize(std::max(literals, hits_min));
  found_.resize(std::max(rules_->datagram_index().rules.size(), rules_->stream_index().rules.size()));
  if (datagram_bytes_min_ != 0) {
    entries_.resize(batch_datagrams_max);
    placed_.resize(batch_datagrams_max);
    buffer_.resize(batch_buffer_bytes);
  }

  partial_bits_.assign(literals, no_bit);
  std::uint32_t bits = 0;
  for (std::uint32_t r = 0; r < rules_->size(); ++r) {
    if (rules_->rule(r).protocol == RuleProtocol::udp || rules_->literals_of(r).size() < 2) continue;
    for (const std::uint32_t literal : rules_->literals_of(r)) {
      if (partial_bits_[literal] == no_bit) partial_bits_[literal] = bits++;
    }
  }
  partial_words_ = (bits + 63) / 64;
  if (bits != 0) {
    const std::size_t slot_bytes = partial_words_ * sizeof(std::uint64_t);
    partials_max_ = static_cast<std::uint32_t>(
        std::clamp<std::size_t>(partial_bytes_max / slot_bytes, 1, std::max<std::size_t>(streams_max_, 1)));
    partial_memory_ = ReservedMemory(slot_bytes * (std::size_t{partials_max_} + 1));
  }

  hs_scratch* scratch = nullptr;
  for (const hs_database* database : {rules_->stream_database(), rules_->datagram_database()}) {
    if (database == nullptr) continue;
    const hs_error_t error = hs_alloc_scratch(database, &scratch);
    if (error != HS_SUCCESS) {
      hs_free_scratch(scratch);
      throw std::bad_alloc();
    }
  }
  scratch_.reset(scratch);

  if (rules_->stream_database() != nullptr) {
    std::size_t bytes = 0;
    TSUJIBAN_CHECK(hs_stream_size(rules_->stream_database(), &bytes) == HS_SUCCESS);
    stream_bytes_ = round_up(bytes, alignof(std::uint64_t));
    stream_memory_ = ReservedMemory(stream_bytes_ * (std::size_t{streams_max_} + 1), ReservedMemory::Pages::large);
    stream_links_memory_ = ReservedMemory(sizeof(std::uint32_t) * (std::size_t{streams_max_} + 1));
    stream_links_ = stream_links_memory_.as<std::uint32_t>();
    install_stream_allocator();
    create_stream(0);
  }
}

SignatureScanner::~SignatureScanner() = default;

void SignatureScanner::scan_block(Bytes bytes, int (*callback)(unsigned, unsigned long long, unsigned long long,
                                                               unsigned, void*)) noexcept {
  const char* data = reinterpret_cast<const char*>(bytes.data());
  hs_error_t error;
  if (rules_->datagram_database() != nullptr) {
    error = hs_scan(rules_->datagram_database(), data, scan_length(bytes), 0, scratch_.get(), callback, this);
  } else {
    reset_stream(0);
    error = hs_scan_stream(stream(0), data, scan_length(bytes), 0, scratch_.get(), callback, this);
  }
  if (error != HS_SUCCESS && !hits_overflowed_) counters_.signature_scan_errors.add();
}

void SignatureScanner::scan_buffer() noexcept {
  if (buffer_fill_ != 0 && !hits_overflowed_) scan_block({buffer_.data(), buffer_fill_}, Callback::batch);
  buffer_fill_ = 0;
  placed_count_ = 0;
}

void SignatureScanner::scan_in_place(std::uint32_t entry, Bytes bytes) noexcept {
  entry_now_ = entry;
  scan_block(bytes, Callback::in_place);
}

void SignatureScanner::scan_batch() noexcept {
  scan_buffer();
  if (large_) {
    for (std::uint32_t e = 0; e < entries_count_ && !hits_overflowed_; ++e) {
      if (entries_[e].length > batched_bytes_max) scan_in_place(e, {entries_[e].data, entries_[e].length});
    }
  }
  epoch_ += entries_count_;
  counters_.signature_scans.add(entries_count_);
  if (hits_count_ > 1) {
    std::sort(hits_.begin(), hits_.begin() + hits_count_,
              [](const Hit& a, const Hit& b) { return a.entry != b.entry ? a.entry < b.entry : a.offset < b.offset; });
  }
}

void SignatureScanner::scan_alone(Bytes bytes) noexcept {
  hits_count_ = 0;
  hits_overflowed_ = false;
  scan_in_place(0, bytes);
  ++epoch_;
}

std::span<const SignatureScanner::Found> SignatureScanner::judge_datagram(std::span<Hit> hits,
                                                                          const ScanSubject& subject) noexcept {
  // Stamped anew, so that a rule with several contents finds the others of this very datagram. A literal that the
  // library reported out of order may be here twice: the first place counts.
  const std::uint64_t here = epoch_++;
  std::size_t unique = 0;
  for (const Hit& hit : hits) {
    if (stamps_[hit.literal] == here) continue;
    stamps_[hit.literal] = here;
    hits[unique++] = hit;
  }
  found_count_ = 0;
  for (const Hit& hit : hits.first(unique)) {
    for (const std::uint32_t rule : rules_->datagram_index().of(hit.literal)) {
      const auto wanted = rules_->literals_of(rule);
      const bool complete = wanted.size() == 1 || std::all_of(wanted.begin(), wanted.end(),
                                                              [&](std::uint32_t l) { return stamps_[l] == here; });
      if (complete && applies(rules_->rule(rule), subject)) found_[found_count_++] = {hit.offset, rule};
    }
  }
  return settle_found();
}

// By rule; a rule that several of its contents brought once, at the last of them.
std::span<const SignatureScanner::Found> SignatureScanner::settle_found() noexcept {
  const auto begin = found_.begin(), end = begin + found_count_;
  if (found_count_ < 2) return {found_.data(), found_count_};
  std::sort(begin, end,
            [](const Found& a, const Found& b) { return a.rule != b.rule ? a.rule < b.rule : a.offset > b.offset; });
  const auto last = std::unique(begin, end, [](const Found& a, const Found& b) { return a.rule == b.rule; });
  return {found_.data(), static_cast<std::size_t>(last - begin)};
}

void SignatureScanner::create_stream(std::uint32_t state) noexcept {
  hs_stream* opened = nullptr;
  stream_place = {stream(state), stream_bytes_};
  const hs_error_t error = hs_open_stream(rules_->stream_database(), 0, &opened);
  TSUJIBAN_CHECK(error == HS_SUCCESS && opened == stream(state));
}

void SignatureScanner::reset_stream(std::uint32_t state) noexcept {
  TSUJIBAN_CHECK(hs_reset_stream(stream(state), 0, nullptr, nullptr, nullptr) == HS_SUCCESS);
}

std::uint32_t SignatureScanner::open_stream() noexcept {
  std::uint32_t state = streams_free_;
  if (state != 0) {
    streams_free_ = std::exchange(stream_links_[state], 0);
    reset_stream(state);
  } else {
    if (streams_high_ == streams_max_) return 0;
    state = ++streams_high_;
    create_stream(state);
  }
  ++streams_open_;
  return state;
}

void SignatureScanner::scan_ordered(std::uint32_t& state, Bytes bytes) noexcept {
  hits_count_ = 0;
  hits_overflowed_ = false;
  if (state == 0) {
    state = open_stream();
    if (state == 0) {
      counters_.signature_stream_overflows.add();
      reset_stream(0);
    }
  }
  const hs_error_t error = hs_scan_stream(stream(state), reinterpret_cast<const char*>(bytes.data()),
                                          scan_length(bytes), 0, scratch_.get(), Callback::ordered, this);
  // One call never has more hits than there are literals, so it is never ended early: this is a fault of the library's,
  // and what it had seen is lost, as after a gap. Bytes from the wire led to it, so it must not stop us.
  if (error != HS_SUCCESS) [[unlikely]] {
    counters_.signature_scan_errors.add();
    reset_stream(state);
  }
  epoch_judged_ = epoch_++;
  counters_.signature_scans.add();
}

std::span<const SignatureScanner::Found> SignatureScanner::judge_stream(std::uint32_t state,
                                                                        const ScanSubject& subject) noexcept {
  const auto test = [](const std::uint64_t* bits, std::uint32_t bit) { return (bits[bit / 64] >> bit % 64 & 1) != 0; };
  std::uint64_t* partial = nullptr;
  bool asked = false;
  for (Hit& hit : std::span<Hit>(hits_.data(), hits_count_)) {
    const std::uint32_t bit = partial_bits_[hit.literal];
    if (bit == no_bit) continue;
    if (!std::exchange(asked, true)) partial = partial_of(state);
    if (partial == nullptr) break;          // Only what these bytes hold together is seen; it is counted.
    if (test(partial, bit)) hit.entry = 1;  // Known: it completes nothing.
    partial[bit / 64] |= std::uint64_t{1} << bit % 64;
  }
  const auto seen = [&](std::uint32_t literal) {
    return partial != nullptr ? test(partial, partial_bits_[literal]) : stamps_[literal] == epoch_judged_;
  };
  found_count_ = 0;
  for (const Hit& hit : std::span<const Hit>(hits_.data(), hits_count_)) {
    for (const std::uint32_t rule : rules_->stream_index().of(hit.literal)) {
      const auto wanted = rules_->literals_of(rule);
      const bool complete = wanted.size() == 1 || (hit.entry == 0 && std::all_of(wanted.begin(), wanted.end(), seen));
      if (complete && applies(rules_->rule(rule), subject)) found_[found_count_++] = {hit.offset, rule};
    }
  }
  return settle_found();
}

std::uint64_t* SignatureScanner::partial_of(std::uint32_t state) noexcept {
  if (state == 0) return nullptr;  // Counted where it got no stream.
  const auto slot = [&](std::uint32_t index) {
    return partial_memory_.as<std::uint64_t>() + std::size_t{index} * partial_words_;
  };
  std::uint32_t& link = stream_links_[state];
  if (link != 0) return slot(link);
  if (partials_free_ != 0) {
    link = partials_free_;
    partials_free_ = static_cast<std::uint32_t>(slot(link)[0]);
    std::fill_n(slot(link), partial_words_, std::uint64_t{0});
  } else if (partials_high_ < partials_max_) {
    link = ++partials_high_;
  } else {
    counters_.signature_stream_overflows.add();
    return nullptr;
  }
  return slot(link);
}

void SignatureScanner::release_partial(std::uint32_t state) noexcept {
  const std::uint32_t partial = std::exchange(stream_links_[state], 0);
  if (partial == 0) return;
  partial_memory_.as<std::uint64_t>()[std::size_t{partial} * partial_words_] = partials_free_;
  partials_free_ = partial;
}

void SignatureScanner::gap_stream(std::uint32_t& state) noexcept {
  if (state == 0) return;
  release_partial(state);
  reset_stream(state);
}

void SignatureScanner::close_stream(std::uint32_t& state) noexcept {
  if (state == 0) return;
  release_partial(state);
  stream_links_[state] = std::exchange(streams_free_, state);
  state = 0;
  --streams_open_;
}

}  // namespace tsujiban::detect
