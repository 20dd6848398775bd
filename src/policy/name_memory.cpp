#include "policy/name_memory.h"

#include <algorithm>

namespace tsujiban::policy {
namespace {

// 0100::/64 is discarded wherever it is routed (RFC 6666): no client has an address of it.
constexpr std::uint64_t asset_address_high = std::uint64_t{0x0100} << 48;

}  // namespace

std::uint64_t NameMemory::Question::hash(HashSeed seed) const noexcept {
  const std::uint64_t ends =
      hash_mix(hash_words(seed, client.high, client.low) ^ seed.a, hash_words(seed, server.high, server.low) ^ seed.b);
  return hash_words(seed, ends ^ segment.raw(), std::uint64_t{port} << 16 | id);
}

std::uint64_t NameMemory::HostKey::hash(HashSeed seed) const noexcept {
  const std::uint64_t ends =
      hash_mix(hash_words(seed, client.high, client.low) ^ seed.a, hash_words(seed, host.high, host.low) ^ seed.b);
  return hash_words(seed, ends, segment.raw());
}

NameMemory::HostKey NameMemory::key_of(SegmentKey segment, const IpAddress& client,
                                       const IpAddress& host) const noexcept {
  const std::uint32_t asset = allow_.inventory().asset_of(segment, client);
  if (asset != 0) return {segment, {asset_address_high, asset}, host};
  return {segment, client, host};
}

void NameMemory::asked(const Question& question, PacketTime now) noexcept {
  questions_.value(questions_.use(question).index) = now;
}

bool NameMemory::answers(const Question& question, PacketTime now) noexcept {
  const std::uint32_t index = questions_.find(question);
  if (index == 0) return false;
  const bool in_time = now - questions_.value(index) <= answer_time;
  questions_.remove(index);
  return in_time;
}

bool NameMemory::learn(SegmentKey segment, const IpAddress& client, const IpAddress& host, std::string_view name,
                       std::uint32_t ttl_s, PacketTime now) noexcept {
  const Domains domains = allow_.domains_of(name);
  if (domains.empty()) return false;
  Host& known = hosts_.value(hosts_.use(key_of(segment, client, host)).index);
  if (known.until < now) known = {};
  // What was said last comes first: of more names than fit the older ones go.
  Domains all = domains;
  for (const std::uint32_t domain : known.domains) {
    if (std::find(all.begin(), all.end(), domain) == all.end()) all.push(domain);
  }
  known.domains = all;
  const Duration kept = std::clamp(Duration::seconds(ttl_s), kept_min, kept_max);
  known.until = std::max(known.until, now + kept);
  return true;
}

Domains NameMemory::known(SegmentKey segment, const IpAddress& client, const IpAddress& host,
                          PacketTime now) const noexcept {
  const std::uint32_t index = hosts_.find(key_of(segment, client, host));
  if (index == 0 || hosts_.value(index).until < now) return {};
  return hosts_.value(index).domains;
}

void NameMemory::keep(SegmentKey segment, const IpAddress& client, const IpAddress& host, PacketTime now) noexcept {
  const std::uint32_t index = hosts_.find(key_of(segment, client, host));
  if (index == 0 || hosts_.value(index).until < now) return;
  hosts_.use(hosts_.key(index));
  hosts_.value(index).until = std::max(hosts_.value(index).until, now + kept_min);
}

void NameMemory::take_over(NameMemory& from, std::span<const std::uint32_t> assets,
                           std::span<const std::uint32_t> domains) noexcept {
  questions_.take_over(from.questions_);
  for (std::uint32_t i = from.hosts_.first(); i != 0; i = from.hosts_.next(i)) {
    const HostKey& before = from.hosts_.key(i);
    Domains now;
    for (const std::uint32_t domain : from.hosts_.value(i).domains) {
      if (domain < domains.size() && domains[domain] != 0) now.push(domains[domain] - 1);
    }
    if (now.empty()) continue;
    HostKey key = before;
    if (before.client.high != asset_address_high) {
      key = key_of(before.segment, before.client, before.host);  // It may be an asset now.
    } else {
      key.client.low = before.client.low < assets.size() ? assets[before.client.low] : 0;
      if (key.client.low == 0) continue;
    }
    hosts_.value(hosts_.use(key).index) = {now, from.hosts_.value(i).until};
  }
}

}  // namespace tsujiban::policy
