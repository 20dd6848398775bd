#include "policy/indicator_list.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace tsujiban::policy {
namespace {

using config::Indicator;

IpAddress address_of(Bytes bytes) noexcept {
  return bytes.size() < 16 ? IpAddress::v4(load_be32(bytes.data())) : IpAddress::v6(bytes.data());
}
std::uint64_t hash_of(Bytes bytes) noexcept { return hash_bytes(HashSeed{}, bytes); }
Bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

IndicatorList::IndicatorList(std::shared_ptr<const config::Config> config, const LocalClock& clock, HashSeed seed)
    : config_(std::move(config)), lists_(config_->indicators), clock_(clock), seed_(seed) {
  if (lists_ == nullptr) lists_ = std::make_shared<const config::IndicatorLists>();
  const std::vector<Indicator>& all = lists_->indicators;
  const std::size_t prefix_count = lists_->counts[static_cast<std::size_t>(Kind::prefix)];
  // Two thirds full at most: 18 bytes an indicator.
  if (all.size() > prefix_count) slots_.resize((all.size() - prefix_count) * 3 / 2 + 2);
  std::vector<PrefixTable::Row> rows;
  rows.reserve(prefix_count);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Indicator& indicator = all[i];
    const auto number = static_cast<std::uint32_t>(i + 1);
    const Bytes value = lists_->value_of(indicator);
    if (indicator.kind == Kind::prefix) {
      rows.push_back({0, {address_of(value.first(value.size() - 1)), value.back()}, number});
      continue;
    }
    if (indicator.kind == Kind::domain)
      labels_max_ = std::max(labels_max_, 1 + static_cast<std::uint32_t>(std::count(value.begin(), value.end(), '.')));
    const std::uint64_t key = key_of(indicator);
    std::size_t at = place_of(key);
    while (slots_[at].number != 0) at = at + 1 == slots_.size() ? 0 : at + 1;
    slots_[at] = {static_cast<std::uint32_t>(key >> 32), static_cast<std::uint32_t>(key), number};
  }
  if (!rows.empty()) prefixes_ = PrefixTable(rows, seed);
}

std::uint64_t IndicatorList::key_of(const Indicator& indicator) const noexcept {
  const Bytes value = lists_->value_of(indicator);
  switch (indicator.kind) {
    case Kind::address:
      return key_of_address(address_of(value));
    case Kind::ja3:
    case Kind::certificate_sha1:
    case Kind::certificate_sha256:
      return key_of(indicator.kind, load_be64(value.data()));
    case Kind::domain:
    case Kind::url:
    case Kind::ja4:
    case Kind::prefix:
    case Kind::count_:
      break;
  }
  return key_of(indicator.kind, hash_of(value));
}

bool IndicatorList::holds(const Indicator& indicator, PacketTime now) const noexcept {
  if (indicator.expires_s == 0) return true;
  const std::int64_t now_s = indicator.expires_utc ? now.ns / 1'000'000'000 : clock_.at(now).local_s;
  return now_s < std::int64_t{indicator.expires_s};
}

template <class Same>
std::uint32_t IndicatorList::find(Kind kind, std::uint64_t key, PacketTime now, Same&& same) const noexcept {
  if (slots_.empty()) return 0;
  const auto high = static_cast<std::uint32_t>(key >> 32), low = static_cast<std::uint32_t>(key);
  // A third of the slots is empty, so every search ends.
  for (std::size_t at = place_of(key);; at = at + 1 == slots_.size() ? 0 : at + 1) {
    const Slot& slot = slots_[at];
    if (slot.number == 0) return 0;
    if (slot.key_low != low || slot.key_high != high) continue;
    const Indicator& indicator = lists_->indicators[slot.number - 1];
    if (indicator.kind == kind && same(lists_->value_of(indicator)) && holds(indicator, now)) return slot.number;
  }
}

std::uint32_t IndicatorList::find_address(const IpAddress& address, PacketTime now) const noexcept {
  const std::uint32_t exact =
      find(Kind::address, key_of_address(address), now, [&](Bytes value) { return address_of(value) == address; });
  if (exact != 0) return exact;
  std::uint32_t found = 0;
  prefixes_.for_each(0, address, [&](std::uint32_t number) {
    if (found == 0 && holds(indicator(number), now)) found = number;
  });
  return found;
}

std::uint32_t IndicatorList::find_name_hash(std::uint64_t hash, PacketTime now) const noexcept {
  return labels_max_ == 0 ? 0 : find(Kind::domain, key_of(Kind::domain, hash), now, [](Bytes) { return true; });
}

std::uint32_t IndicatorList::find_name(const DomainName& name, PacketTime now) const noexcept {
  if (labels_max_ == 0 || name.size_bytes == 0) return 0;
  const std::string_view text = name.view();
  const bool whole = name.size_bytes == text.size();
  if (const std::uint32_t found = find(Kind::domain, key_of(Kind::domain, name.hash), now,
                                       [&](Bytes value) {
                                         return !whole || (value.size() == text.size() &&
                                                           std::memcmp(value.data(), text.data(), text.size()) == 0);
                                       });
      found != 0)
    return found;
  // The labels' beginnings, from the end; a dot behind an odd number of backslashes is within a label.
  std::array<std::uint8_t, DomainName::text_max> begins;
  static_assert(DomainName::text_max <= 256, "a place fits into a byte");
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '.') {
      begins[count++] = static_cast<std::uint8_t>(i + 1);
    }
  }
  for (std::size_t i = count > labels_max_ ? count - labels_max_ : 0; i < count; ++i) {
    const std::string_view end = text.substr(begins[i]);
    const std::uint32_t found = find(Kind::domain, key_of(Kind::domain, hash_of(bytes_of(end))), now, [&](Bytes value) {
      return value.size() == end.size() && std::memcmp(value.data(), end.data(), end.size()) == 0;
    });
    if (found != 0) return found;
  }
  return 0;
}

std::uint32_t IndicatorList::find_url(std::uint64_t url_hash, PacketTime now) const noexcept {
  return find(Kind::url, key_of(Kind::url, url_hash), now, [](Bytes) { return true; });
}

std::uint32_t IndicatorList::find_ja3(std::uint64_t ja3_hash, PacketTime now) const noexcept {
  if (ja3_hash == 0) return 0;
  return find(Kind::ja3, key_of(Kind::ja3, ja3_hash), now, [](Bytes) { return true; });
}

std::uint32_t IndicatorList::find_ja4(const std::array<char, 36>& ja4, PacketTime now) const noexcept {
  if (ja4[0] == 0) return 0;
  const std::string_view text(ja4.data(), ja4.size());
  return find(Kind::ja4, key_of(Kind::ja4, hash_of(bytes_of(text))), now,
              [&](Bytes value) { return std::memcmp(value.data(), ja4.data(), ja4.size()) == 0; });
}

std::uint32_t IndicatorList::find_certificate(std::uint64_t sha1, std::uint64_t sha256, PacketTime now) const noexcept {
  const auto any = [](Bytes) { return true; };
  std::uint32_t found = 0;
  if (sha256 != 0) found = find(Kind::certificate_sha256, key_of(Kind::certificate_sha256, sha256), now, any);
  if (found == 0 && sha1 != 0) found = find(Kind::certificate_sha1, key_of(Kind::certificate_sha1, sha1), now, any);
  return found;
}

void IndicatorList::explain(std::uint32_t number, char* to, std::size_t max) const noexcept {
  const Indicator& of = indicator(number);
  const Bytes value = lists_->value_of(of);
  // Long URLs are cut: file and line say the rest.
  constexpr std::size_t value_shown_max = 80, source_shown_max = 40;
  char text[value_shown_max + 4];
  std::size_t size = 0;
  switch (of.kind) {
    case Kind::address:
    case Kind::prefix: {
      const bool prefix = of.kind == Kind::prefix;
      size = write_ip(address_of(prefix ? value.first(value.size() - 1) : value), text);
      if (prefix)
        size += static_cast<std::size_t>(std::snprintf(text + size, 8, "/%u", static_cast<unsigned>(value.back())));
      break;
    }
    case Kind::domain:
    case Kind::url:
    case Kind::ja4:
      size = std::min(value.size(), value_shown_max);
      std::memcpy(text, value.data(), size);
      if (size < value.size()) std::memcpy(text + size, "...", 3), size += 3;
      break;
    case Kind::ja3:
    case Kind::certificate_sha1:
    case Kind::certificate_sha256:
    case Kind::count_:
      for (const std::uint8_t byte : value) {
        constexpr std::string_view digits = "0123456789abcdef";
        text[size++] = digits[byte >> 4];
        text[size++] = digits[byte & 15];
      }
      break;
  }
  const std::string_view path = of.file < config_->files.size() ? std::string_view(config_->files[of.file]) : "list";
  const std::string_view file = path.substr(path.rfind('/') + 1), kind = config::name_of(of.kind);
  const std::string_view source = lists_->sources[of.source].substr(0, source_shown_max);
  std::snprintf(to, max, "%.*s %.*s of %.*s:%u%s%.*s", static_cast<int>(kind.size()), kind.data(),
                static_cast<int>(size), text, static_cast<int>(std::min<std::size_t>(file.size(), 40)), file.data(),
                of.line, source.empty() ? "" : ", source ", static_cast<int>(source.size()), source.data());
}

}  // namespace tsujiban::policy
