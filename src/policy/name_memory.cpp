#include "policy/name_memory.h"

#include <algorithm>

namespace tsujiban::policy {

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
  // 0100::/64 is discarded wherever it is routed (RFC 6666): no client has an address of it.
  if (asset != 0) return {segment, {std::uint64_t{0x0100} << 48, asset}, host};
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

}  // namespace tsujiban::policy
