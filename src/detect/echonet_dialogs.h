#pragma once
#include <array>
#include <cstdint>

#include "base/bounded_map.h"
#include "detect/site_keys.h"
#include "detect/window_counts.h"
#include "model/fact.h"

namespace tsujiban::detect {

// Who asks whom over ECHONET Lite, for what, and how much goes there and back: one entry a host and one a pair of them,
// because a question that is news is looked at by several rules, and what costs is the lines of memory it touches.
// Bounded; the oldest gives way, counted.
class EchonetDialogs {
 public:
  static constexpr std::uint32_t dialogs_max = 1u << 17, hosts_max = 1u << 16;

  // `walk_window`: of what is asked of one host; `bytes_window`: of what hosts send and are answered.
  EchonetDialogs(HashSeed seed, Duration walk_window, Duration bytes_window);

  // Who asks whom, for one object.
  struct WalkKey {
    PairKey pair;
    std::uint32_t object = 0;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, pair.hash(seed), object); }
    bool operator==(const WalkKey&) const noexcept = default;
  };

  struct Walk {  // Of the properties of one object, whatever is answered.
    PacketTime since;
    std::array<std::uint64_t, 2> points;
  };
  // One host asks another. Most ask for one object only, so what is counted of it lies here.
  struct Dialog {
    PacketTime time;      // Of the latest question,
    std::uint32_t bytes;  // and its size; 0: none was told.
    std::uint32_t object;
    Walk walk;           // Of that object,
    PacketTime counted;  // and since when it counts among those that were asked, where it does.
    bool has_object, counts;
    bool has_others;  // Objects that lie apart.
  };
  // Who asks, or is answered. With its key it fills two cache lines.
  struct Host {
    static constexpr std::int64_t parts = 6;  // Of the window.
    PacketTime first_asking;                  // 0: it has not asked.
    std::int64_t part;                        // The latest one.
    std::array<std::uint32_t, parts> own_bytes, answer_bytes, answers;
    void sum(std::uint64_t& answered, std::uint64_t& own, std::uint32_t& count) const noexcept {
      for (std::size_t i = 0; i < parts; ++i) answered += answer_bytes[i], own += own_bytes[i], count += answers[i];
    }
  };

  // The fact's source asks, or its destination is answered: their entries, made where there is none.
  Host& asker_of(const Fact& fact) noexcept {
    Host& host = host_of(fact.segment, fact.source);
    if (host.first_asking.ns == 0) host.first_asking = fact.time;
    return host;
  }
  Host& host_of(SegmentKey segment, const IpAddress& address) noexcept {
    return hosts_.value(hosts_.use({segment, address}).index);
  }
  bool has_asked(SegmentKey segment, const IpAddress& address) const noexcept {
    const std::uint32_t i = hosts_.find({segment, address});
    return i != 0 && hosts_.value(i).first_asking.ns != 0;
  }
  // Where its counts of now are; those of parts that the window has left are cleared.
  std::size_t part_of(Host& host, PacketTime time) const noexcept;

  // The fact, a question to one host, is the latest one of its pair.
  Dialog& ask(const Fact& fact) noexcept;
  // Null where `from` has not asked `to`.
  const Dialog* find(SegmentKey segment, const IpAddress& from, const IpAddress& to) const noexcept {
    const std::uint32_t i = dialogs_.find({segment, from, to});
    return i == 0 ? nullptr : &dialogs_.value(i);
  }
  // Of an inquiry and its dialog: gives the dialog its object where it has none or is over with it. Before the next
  // two.
  void note_object(const Fact& fact, Dialog& dialog) const noexcept;
  // How many objects of the host were asked within the window, where this one counts from now on; else 0.
  std::uint32_t count_object(const Fact& fact, Dialog& dialog) noexcept;
  // The properties asked within the window, with these: how many, and 0 where there is no new one.
  std::uint32_t count_points(const Fact& fact, Dialog& dialog) noexcept;

  // For facts whose source asks: step as in SiteDetector::prefetch.
  void prefetch(const Fact& fact, unsigned step) const noexcept {
    hosts_.prefetch({fact.segment, fact.source}, step);
    dialogs_.prefetch({fact.segment, fact.source, fact.destination}, step);
  }
  std::uint64_t evictions() const noexcept {
    return dialogs_.evictions() + hosts_.evictions() + others_asked_.evictions() + walks_.evictions();
  }
  void take_over(EchonetDialogs& from) noexcept;
  // Who asked first when. `load` reads only where it does not `apply`; false where this is not all there.
  void save(StateWriter& writer) const;
  bool load(StateReader& reader, bool apply);

 private:
  static PairKey pair_of(const Fact& fact) noexcept { return {fact.segment, fact.source, fact.destination}; }
  bool counts_now(const Dialog& dialog, PacketTime now) const noexcept {
    return dialog.counts && now - dialog.counted <= walk_window_;
  }

  Duration walk_window_, bytes_window_;
  BoundedMap<PairKey, Dialog> dialogs_;
  BoundedMap<HostKey, Host> hosts_;
  // Of objects beyond the one in the dialog.
  DistinctWindow<PairKey, WordsKey> others_asked_;
  BoundedMap<WalkKey, Walk> walks_;
};

}  // namespace tsujiban::detect
