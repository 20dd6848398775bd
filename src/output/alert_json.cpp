#include "output/alert_json.h"

#include <algorithm>

#include "output/detector_messages.h"
#include "output/digest.h"

namespace tsujiban::output {
namespace {

void write_plain(JsonWriter& json, std::string_view name, std::string_view text) noexcept {
  json.key(name);
  json.plain_string(text);
}

// A text from a rule or file is escaped, our own needs none.
void write_text(JsonWriter& json, std::string_view name, std::string_view text, std::string_view ours) noexcept {
  json.key(name);
  if (text.empty())
    json.plain_string(ours);
  else
    json.string(text);
}

std::string_view or_else(std::string_view text, std::string_view other) noexcept { return text.empty() ? other : text; }

// The catalogue lists clauses with blanks between them. `G3.6.x` stands for the section of the alert's own interface,
// 3.6.1 (R1) to 3.6.6 (R6) of the guideline; where the interface is not known, for 3.6 as a whole.
void write_clauses(JsonWriter& json, std::string_view clauses, ErabInterface interface) noexcept {
  json.begin_array();
  while (!clauses.empty()) {
    const std::size_t end = std::min(clauses.find(' '), clauses.size());
    const std::string_view clause = clauses.substr(0, end);
    clauses.remove_prefix(std::min(end + 1, clauses.size()));
    if (clause == "G3.6.x") {
      char text[] = "G3.6.0";
      const bool numbered = interface >= ErabInterface::R1 && interface <= ErabInterface::R6;
      text[5] = static_cast<char>('0' + static_cast<int>(interface));
      json.plain_string(numbered ? std::string_view(text, 6) : std::string_view("G3.6"));
    } else if (!clause.empty()) {
      json.plain_string(clause);
    }
  }
  json.end_array();
}

void write_end(JsonWriter& json, std::string_view name, std::string_view asset, Role role) noexcept {
  json.key(name);
  json.begin_object();
  if (!asset.empty()) json.field("asset", asset);
  write_plain(json, "role", name_of(role));
  json.end_object();
}

// The default Japanese text of a signature alert carries the rule's own message, so that one line tells which.
void write_message_ja(JsonWriter& json, const Alert& alert, const AlertNames& names) noexcept {
  const std::string_view text = message_of(alert.detector).message_ja;
  if (alert.detector != DetectorId::signature || !names.message_ja.empty() || names.signature.empty()) {
    write_text(json, "message_ja", names.message_ja, text);
    return;
  }
  static constexpr std::size_t rule_text_max = 512;
  static constexpr std::string_view between = "：";
  char joined[rule_text_max];
  std::size_t size = 0;
  for (const std::string_view part : {text, between, names.signature}) {
    const std::size_t fits = std::min(part.size(), sizeof joined - size);
    std::memcpy(joined + size, part.data(), fits);
    size += fits;
  }
  // A cut in the middle of a character takes the whole character with it.
  if (size == sizeof joined) {
    while (size > 0 && (static_cast<unsigned char>(joined[size - 1]) & 0xC0) == 0x80) --size;
    if (size > 0 && static_cast<unsigned char>(joined[size - 1]) >= 0xC0) --size;
  }
  json.field("message_ja", std::string_view(joined, size));
}

void store_be64(std::uint8_t* at, std::uint64_t value) noexcept {
  store_be32(at, static_cast<std::uint32_t>(value >> 32));
  store_be32(at + 4, static_cast<std::uint32_t>(value));
}

}  // namespace

std::uint64_t alert_identity(const Alert& alert) noexcept {
  // The detector by its catalogue number, not by its place in the enumeration, so that new detectors rename nothing.
  const DetectorInfo& info = info_of(alert.detector);
  const bool by_addresses = alert.merge_key == 0;
  const std::uint64_t words[] = {
      std::uint64_t{info.gid} << 32 | info.sid,
      std::uint64_t{alert.signature_gid} << 32 | alert.signature_id,
      alert.segment.raw(),
      alert.source.high,
      alert.source.low,
      alert.destination.high,
      alert.destination.low,
      by_addresses
          ? std::uint64_t{alert.source_port} << 32 | std::uint64_t{alert.destination_port} << 16 | alert.protocol
          : 0,
      alert.merge_key,
      static_cast<std::uint64_t>(alert.first_seen.ns),
  };
  std::uint8_t input[sizeof words];
  for (std::size_t i = 0; i < std::size(words); ++i) store_be64(input + 8 * i, words[i]);
  std::uint8_t digest[sha256_size];
  sha256(input, digest);
  return std::max<std::uint64_t>(load_be64(digest), 1);
}

void write_alert_id(std::uint64_t id, char* to) noexcept {
  for (std::size_t i = alert_id_text_size; i-- > 0; id >>= 4) to[i] = "0123456789abcdef"[id & 15];
}

void write_alert(JsonWriter& json, TimestampWriter& timestamps, const Alert& alert, const AlertNames& names) noexcept {
  const DetectorInfo& info = info_of(alert.detector);
  const DetectorMessage message = message_of(alert.detector);

  json.key("alert");
  json.begin_object();
  write_plain(json, "action", "allowed");  // A passive sensor blocks nothing.
  json.field("gid", alert.signature_gid != 0 ? alert.signature_gid : info.gid);
  json.field("signature_id", alert.signature_id != 0 ? alert.signature_id : info.sid);
  json.field("rev", std::max(alert.signature_rev, std::uint32_t{1}));
  write_text(json, "signature", names.signature, message.message);
  write_text(json, "category", names.category, message.category);
  json.field("severity", static_cast<unsigned>(alert.severity));
  // As Suricata writes a rule's `metadata`: every value is a list of texts.
  json.key("metadata");
  json.begin_object();
  json.key("detector"), json.begin_array(), json.plain_string(info.name), json.end_array();
  if (alert.interface != ErabInterface::none) {
    json.key("erab_interface"), json.begin_array(), json.plain_string(name_of(alert.interface)), json.end_array();
  }
  json.end_object();
  json.end_object();

  json.key("tsujiban");
  json.begin_object();
  char id[alert_id_text_size];
  write_alert_id(names.id, id);
  write_plain(json, "id", {id, sizeof id});
  write_plain(json, "detector", info.name);
  if (alert.interface != ErabInterface::none) write_plain(json, "erab_interface", name_of(alert.interface));
  json.key("clauses");
  write_clauses(json, info.clauses, alert.interface);
  write_plain(json, "scenario", or_else(names.scenario, info.scenario));
  // A sensor's alert has no ends.
  if (!alert.source.is_unspecified() || !alert.destination.is_unspecified() || alert.protocol != 0) {
    write_end(json, "src", names.source_asset, names.source_role);
    write_end(json, "dest", names.destination_asset, names.destination_role);
  }
  if (names.power_at_risk_kw > 0) json.field("power_at_risk_kw", names.power_at_risk_kw);
  write_message_ja(json, alert, names);
  json.key("why");
  json.begin_array();
  for (const auto& why : alert.why) {
    const std::size_t length = strnlen(why.data(), why.size());
    if (length != 0) json.string({why.data(), length});
  }
  json.end_array();
  json.field("count", alert.count);
  timestamps.field(json, "first_seen", alert.first_seen);
  timestamps.field(json, "last_seen", alert.last_seen);
  json.end_object();
}

}  // namespace tsujiban::output
