#include "detect/echonet_dialogs.h"

#include <algorithm>
#include <bit>

#include "base/ring_slot.h"

namespace tsujiban::detect {
namespace {

constexpr std::uint32_t others_max = 1u << 16, walks_max = 1u << 14;

}  // namespace

EchonetDialogs::EchonetDialogs(HashSeed seed, Duration walk_window, Duration bytes_window)
    : walk_window_(walk_window),
      bytes_window_(bytes_window),
      dialogs_(dialogs_max, seed),
      hosts_(hosts_max, seed),
      others_asked_(others_max, walks_max, walk_window, seed),
      walks_(walks_max, seed) {}

std::size_t EchonetDialogs::part_of(Host& host, PacketTime time) const noexcept {
  const std::int64_t part = time.ns / std::max<std::int64_t>(1, bytes_window_.ns / Host::parts);
  const std::int64_t past = std::min(part - host.part, Host::parts);
  for (std::int64_t i = 0; i < past; ++i) {
    const std::size_t at = ring_slot(part - i, Host::parts);
    host.answer_bytes[at] = host.answers[at] = host.own_bytes[at] = 0;
  }
  host.part = std::max(part, host.part);
  return ring_slot(host.part, Host::parts);
}

EchonetDialogs::Dialog& EchonetDialogs::ask(const Fact& fact) noexcept {
  Dialog& dialog = dialogs_.value(dialogs_.use(pair_of(fact)).index);
  dialog.time = fact.time;
  if (fact.kind == FactKind::inquiry) dialog.bytes = fact.inquiry.bytes;
  return dialog;
}

void EchonetDialogs::note_object(const Fact& fact, Dialog& dialog) const noexcept {
  const std::uint32_t object = fact.inquiry.object;
  // With others apart it stays: one of them might be counted twice.
  const bool is_over =
      !dialog.has_others && fact.time - dialog.walk.since > walk_window_ && !counts_now(dialog, fact.time);
  if (dialog.object != object && (!dialog.has_object || is_over)) {
    dialog.object = object;
    dialog.walk = {fact.time, {}};
    dialog.counts = false;
  }
  dialog.has_object = true;
  dialog.has_others |= dialog.object != object;
}

std::uint32_t EchonetDialogs::count_object(const Fact& fact, Dialog& dialog) noexcept {
  const bool counts = counts_now(dialog, fact.time);
  if (dialog.object != fact.inquiry.object) {
    const auto others = others_asked_.add_new(pair_of(fact), {fact.inquiry.object, 0}, fact.time);
    return others.added ? others.count + (counts ? 1 : 0) : 0;
  }
  if (counts) return 0;
  dialog.counts = true;
  dialog.counted = fact.time;
  if (!dialog.has_others) return 1;
  others_asked_.expire(fact.time);
  return others_asked_.count(pair_of(fact)) + 1;
}

std::uint32_t EchonetDialogs::count_points(const Fact& fact, Dialog& dialog) noexcept {
  const Inquiry& asked = fact.inquiry;
  Walk* walk = &dialog.walk;
  if (dialog.object != asked.object) {
    const auto got = walks_.use({pair_of(fact), asked.object});
    walk = &walks_.value(got.index);
    if (got.added) walk->since = fact.time;
  }
  if (fact.time - walk->since > walk_window_) *walk = {fact.time, {}};
  const auto before = walk->points;
  for (std::size_t w = 0; w < 2; ++w) walk->points[w] |= asked.points[w];
  if (walk->points == before) return 0;
  return static_cast<std::uint32_t>(std::popcount(walk->points[0]) + std::popcount(walk->points[1]));
}

void EchonetDialogs::take_over(EchonetDialogs& from) noexcept {
  dialogs_.take_over(from.dialogs_);
  others_asked_.take_over(from.others_asked_);
  walks_.take_over(from.walks_);
  hosts_.take_over(from.hosts_);
  if (bytes_window_ == from.bytes_window_) return;
  // The parts of a window are of another length in another window.
  for (std::uint32_t i = hosts_.first(); i != 0; i = hosts_.next(i)) {
    Host anew{};
    anew.first_asking = hosts_.value(i).first_asking;
    hosts_.value(i) = anew;
  }
}

void EchonetDialogs::save(StateWriter& writer) const {
  std::uint32_t askers = 0;
  for (std::uint32_t i = hosts_.first(); i != 0; i = hosts_.next(i)) askers += hosts_.value(i).first_asking.ns != 0;
  writer.put(askers);
  for (std::uint32_t i = hosts_.first(); i != 0; i = hosts_.next(i)) {
    if (hosts_.value(i).first_asking.ns == 0) continue;
    put_host(writer, hosts_.key(i));
    writer.put(hosts_.value(i).first_asking.ns);
  }
}

bool EchonetDialogs::load(StateReader& reader, bool apply) {
  constexpr std::size_t asker_bytes = 24 + 8;
  const auto askers = reader.get<std::uint32_t>();
  if (reader.failed() || askers > hosts_max || askers > reader.left() / asker_bytes) return false;
  if (apply) hosts_.clear();
  for (std::uint32_t i = 0; i < askers; ++i) {
    const HostKey key = get_host(reader);
    const PacketTime first{reader.get<std::int64_t>()};
    if (apply) hosts_.value(hosts_.use(key).index).first_asking = first;
  }
  return true;
}

}  // namespace tsujiban::detect
