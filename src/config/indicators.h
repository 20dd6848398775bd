#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "config/config.h"
#include "config/flat_map.h"
#include "config/reader.h"
#include "config/text_pool.h"

namespace tsujiban::config {

// What an indicator of compromise names.
enum class IndicatorKind : std::uint8_t {
  address,
  prefix,
  domain,  // With everything below it.
  url,     // Of plain HTTP.
  ja3,
  ja4,
  certificate_sha1,
  certificate_sha256,
  count_
};
inline constexpr std::size_t indicator_kind_count = static_cast<std::size_t>(IndicatorKind::count_);
std::string_view name_of(IndicatorKind kind) noexcept;

// There may be millions: 20 bytes and the value.
struct Indicator {
  std::uint32_t value_at = 0;   // Into IndicatorLists::values.
  std::uint32_t line = 0;       // Of its file.
  std::uint32_t expires_s = 0;  // The first second after it, Unix time; 0: never. Counted as AllowEntry's is, unless
  std::uint16_t value_size = 0;
  std::uint16_t source = 0;  // Into IndicatorLists::sources.
  std::uint16_t file = 0;    // Into Config::files.
  IndicatorKind kind{};
  bool expires_utc = false;  // it was written with its time of day, which is UTC.
};

// What all files of `indicators` say. Values are, by kind: 4 or 16 bytes of address, and a prefix's length behind them;
// a domain in lower case without its last dot; host, '/' and the rest of a URL; 16 bytes of JA3; 36 characters of JA4;
// 20 or 32 bytes of digest.
struct IndicatorLists {
  std::vector<Indicator> indicators;  // Of one kind and value there is one: that which holds longest.
  std::string values;
  std::vector<std::string_view> sources;         // The first is "", for those that say none.
  std::shared_ptr<const TextPool> source_texts;  // What the views look at.
  std::array<std::uint32_t, indicator_kind_count> counts{};
  std::uint32_t files = 0;
  std::uint64_t duplicates = 0;  // Merged with one that is there.
  std::uint64_t unused = 0;      // Of types that no packet shows (files, mail), or marked as not for detection.

  Bytes value_of(const Indicator& indicator) const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(values.data()) + indicator.value_at, indicator.value_size};
  }
  std::size_t memory_bytes() const noexcept { return indicators.capacity() * sizeof(Indicator) + values.capacity(); }
};
// The value as a person writes it.
std::string text_of(const IndicatorLists& lists, const Indicator& indicator);

inline constexpr std::size_t indicators_max = 16'000'000;
inline constexpr std::size_t indicator_sources_max = 65'535;
inline constexpr std::size_t indicator_domain_bytes_max = 253;  // RFC 1035, 2.3.4, as text.
inline constexpr std::size_t indicator_url_bytes_max = 8'192;

// Reads the files one after the other. README.md says what is accepted.
class IndicatorReader {
 public:
  explicit IndicatorReader(Context& context);
  // `bytes` is changed, as by read_table.
  void read(std::string& bytes, std::uint32_t file);
  // What was read; null where there were no files.
  std::shared_ptr<const IndicatorLists> finish();

 private:
  // A cell of a row, or a line of a plain list.
  struct Cell {
    Position position;
    std::string_view text;  // Empty: there is none.
  };
  struct Row {
    Cell type, value, expires, source, to_ids;
  };
  void read_rows(std::string& bytes, std::uint32_t file);
  void read_plain(std::string_view bytes, std::uint32_t file);
  void read_row(const Row& row, std::uint32_t file);
  void read_value(const Cell& cell, std::string_view text, std::string_view type, Indicator indicator);
  void wrong(const Cell& cell, std::string_view key, const std::string& message);
  bool read_expiry(const Cell& cell, Indicator& indicator);
  bool read_source(const Cell& cell, Indicator& indicator);
  // Each sets `value_`, and `kind` where it finds it out; returns what is wrong.
  std::string read_any(std::string_view text, IndicatorKind& kind);
  std::string read_address(std::string_view text, IndicatorKind& kind);
  std::string read_domain(std::string_view text);
  std::string read_url(std::string_view text);
  std::string read_ja4(std::string_view text);
  std::string read_digest(std::string_view text, std::size_t bytes);
  void put_address(const IpAddress& address);
  std::string_view refanged(std::string_view text);
  void add(const Cell& cell, Indicator indicator);
  std::string_view value_of(const Indicator& indicator) const noexcept {
    return std::string_view(lists_->values).substr(indicator.value_at, indicator.value_size);
  }
  std::size_t slot_of(IndicatorKind kind, std::string_view value) const noexcept;
  void grow();

  Context& context_;
  std::shared_ptr<IndicatorLists> lists_ = std::make_shared<IndicatorLists>();
  std::shared_ptr<TextPool> texts_ = std::make_shared<TextPool>();
  FlatMap<std::string_view, std::uint32_t, TextHash> source_ids_;
  HashSeed seed_ = random_hash_seed();  // A list may come from anybody.
  std::vector<std::uint32_t> slots_;    // By hash: index + 1 into the indicators; a quarter is always empty.
  std::string value_, cleaned_;
  bool full_told_ = false;
};

}  // namespace tsujiban::config
