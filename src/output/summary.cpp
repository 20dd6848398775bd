#include "output/summary.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "output/detector_messages.h"
#include "output/text_layout.h"
#include "output/timestamp.h"

namespace tsujiban::output {
namespace {

constexpr std::size_t label_columns = 60;
constexpr std::size_t number_columns = 18;
constexpr std::size_t line_columns = 110;

struct SeverityWords {
  std::string_view english, japanese, color;
};
SeverityWords words_of(Severity severity) noexcept {
  switch (severity) {
    case Severity::critical:
      return {"critical", "緊急", "\033[1;31m"};
    case Severity::high:
      return {"high", "高", "\033[31m"};
    case Severity::medium:
      return {"medium", "中", "\033[33m"};
    case Severity::low:
      return {"low", "低", "\033[36m"};
  }
  return {"unknown", "不明", ""};
}

// Gathers lines; knows how to align and colour them.
class Page {
 public:
  explicit Page(bool color) : color_(color) {}

  void heading(std::string_view english, std::string_view japanese) {
    if (!text_.empty()) text_ += '\n';
    const std::string title = std::string(english) + " / " + std::string(japanese);
    text_ += paint("\033[1m", title);
    text_ += ' ';
    for (std::size_t i = display_width(title) + 1; i < line_columns; ++i) text_ += "─";
    text_ += '\n';
  }
  void number(std::string_view english, std::string_view japanese, std::uint64_t value, std::string_view note = {}) {
    row(english, japanese, with_thousands(value), note);
  }
  void row(std::string_view english, std::string_view japanese, const std::string& value, std::string_view note = {}) {
    std::string label(english);
    if (!japanese.empty()) label.append(" / ").append(japanese);
    text_ += "  " + pad_right(std::move(label), label_columns) + pad_left(value, number_columns);
    if (!note.empty()) text_.append("  ").append(note);
    text_ += '\n';
  }
  void text(std::string_view line) { text_.append("  ").append(line) += '\n'; }
  void raw(std::string_view line) { text_ += line; }
  std::string paint(std::string_view color, std::string_view text) const {
    return color_ && !color.empty() ? std::string(color) + std::string(text) + "\033[0m" : std::string(text);
  }
  std::string take() { return std::move(text_); }

 private:
  bool color_;
  std::string text_;
};

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "";
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

std::string time_text(std::string_view zone, PacketTime time) {
  // The zone was checked with the configuration; should its file have gone since, UTC says its offset itself.
  std::unique_ptr<TimestampWriter> writer;
  try {
    writer = std::make_unique<TimestampWriter>(zone);
  } catch (const std::runtime_error&) {
    writer = std::make_unique<TimestampWriter>("UTC");
  }
  char text[TimestampWriter::text_size];
  writer->write(time, text);
  return {text, sizeof text};
}

void traffic(Page& page, const Summary& s) {
  const metrics::Totals& t = s.totals;
  page.heading("Traffic", "トラフィック");
  if (s.inputs != 0) page.number("Inputs", "入力", s.inputs);
  std::string speed;
  if (s.elapsed_s > 0) {
    char text[64];
    std::snprintf(text, sizeof text, "in %s, %.2f Mpackets/s, %u worker%s", duration_text(s.elapsed_s).c_str(),
                  static_cast<double>(s.packets_received) / s.elapsed_s * 1e-6, s.workers, s.workers == 1 ? "" : "s");
    speed = text;
  }
  page.number("Packets received", "受信パケット", s.packets_received, speed);
  page.number("Packets analysed", "解析パケット", t.packets);
  page.number("Bytes", "バイト数", t.bytes, "B (" + bytes_text(t.bytes) + ")");
  if (s.has_time) {
    page.row("First packet", "開始時刻", "", time_text(s.timezone, s.first));
    page.row("Last packet", "終了時刻", "",
             time_text(s.timezone, s.last) + "  (" + duration_text((s.last - s.first).as_seconds()) + ")");
  }
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i < s.dropped.size(); ++i) {
    dropped += s.dropped[i];
    if (s.dropped[i] == 0) continue;
    page.number("Dropped (" + std::string(metrics::name_of(static_cast<metrics::DropReason>(i))) + ")", "取りこぼし",
                s.dropped[i], percent(s.dropped[i], s.packets_received));
  }
  if (dropped == 0) page.number("Dropped", "取りこぼし", 0);
  if (t.duplicates != 0)
    page.number("Mirrored duplicates, suppressed", "重複（除外済み）", t.duplicates, percent(t.duplicates, t.packets));
  if (t.snapped != 0)
    page.number("Cut by the snap length", "スナップ長による切り詰め", t.snapped, percent(t.snapped, t.packets));
}

void protocols(Page& page, const Summary& s) {
  const metrics::Totals& t = s.totals;
  page.heading("Protocols", "プロトコル");
  const std::pair<const char*, std::uint64_t> layers[] = {
      {"IP", t.decoded_ip},         {"  UDP", t.udp},       {"  TCP", t.tcp},           {"  ICMP", t.icmp},
      {"  fragments", t.fragments}, {"ARP", t.decoded_arp}, {"tunnelled", t.tunnelled}, {"other", t.decoded_other}};
  for (const auto& [name, count] : layers) {
    if (count != 0) page.number(name, "", count, "packets");
  }
  page.number("Flows", "フロー", t.flows_created);
  if (t.stream_bytes != 0)
    page.number("Ordered TCP bytes", "TCP再構成バイト数", t.stream_bytes, "B (" + bytes_text(t.stream_bytes) + ")");
  if (t.stream_gap_bytes != 0) {
    page.number("TCP bytes never seen (lost before us)", "TCP欠落バイト数", t.stream_gap_bytes,
                "B (" + percent(t.stream_gap_bytes, t.stream_gap_bytes + t.stream_bytes) + ")");
  }
  for (std::size_t p = 1; p < app_protocol_count; ++p) {
    const auto protocol = static_cast<AppProtocol>(p);
    const std::uint64_t messages = t.messages_of(protocol);
    if (messages == 0 && t.messages_malformed[p] == 0) continue;
    page.number(name_of(protocol), "", messages, "messages");
    std::vector<std::pair<std::uint64_t, unsigned>> types;
    for (unsigned i = 0; i < metrics::message_type_max; ++i) {
      if (t.messages[p][i] != 0) types.emplace_back(t.messages[p][i], i);
    }
    std::sort(types.begin(), types.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    for (std::size_t i = 0; i < types.size() && i < Summary::message_lines_max; ++i) {
      char number[16];
      std::snprintf(number, sizeof number, "0x%02x", types[i].second);
      std::string_view name = s.type_name == nullptr ? std::string_view() : s.type_name(protocol, types[i].second);
      page.number("  " + (name.empty() ? std::string(number) : printable(name, 40)), "", types[i].first);
    }
    if (types.size() > Summary::message_lines_max) {
      page.text("    and " + std::to_string(types.size() - Summary::message_lines_max) + " more types");
    }
    if (t.messages_malformed[p] != 0)
      page.number("  malformed", "形式不正", t.messages_malformed[p], percent(t.messages_malformed[p], messages));
  }
}

void assets(Page& page, const Summary& s) {
  page.heading("Assets by role", "役割別の機器");
  if (!s.has_inventory)
    page.text("No inventory was given (-c): roles are not known. / 機器一覧が未設定のため役割は不明です");
  for (std::size_t r = 0; r < role_count; ++r) {
    if (s.assets[r] != 0) page.number(name_of(static_cast<Role>(r)), japanese_of(static_cast<Role>(r)), s.assets[r]);
  }
  if (s.hosts_seen != 0) page.number("Hosts seen", "観測ホスト", s.hosts_seen);
}

void alerts(Page& page, const Summary& s) {
  page.heading("Alerts", "アラート");
  if (s.alert_counts.empty()) {
    page.text("None. / 検知なし");
    return;
  }
  std::vector<AlertCount> counts = s.alert_counts;
  std::stable_sort(counts.begin(), counts.end(), [](const AlertCount& a, const AlertCount& b) {
    return a.severity != b.severity ? a.severity < b.severity : a.conditions > b.conditions;
  });
  for (const AlertCount& c : counts) {
    const SeverityWords words = words_of(c.severity);
    const std::string severity = pad_right(std::string(words.english) + " / " + std::string(words.japanese), 16);
    page.text(page.paint(words.color, severity) + pad_right(std::string(info_of(c.detector).name), label_columns - 16) +
              pad_left(with_thousands(c.conditions), number_columns) + "  (" + with_thousands(c.occurrences) +
              (c.occurrences == 1 ? " occurrence)" : " occurrences)"));
  }
  if (s.alert_lines.empty()) return;
  page.raw("\n");
  const std::size_t shown = std::min(s.alert_lines.size(), Summary::alert_lines_max);
  for (std::size_t i = 0; i < shown; ++i) {
    const AlertLine& a = s.alert_lines[i];
    const SeverityWords words = words_of(a.severity);
    const DetectorMessage message = message_of(a.detector);
    std::string line = page.paint(words.color, pad_right(std::string(words.english), 10));
    line += a.message.empty() ? std::string(message.message) : printable(a.message, 120);
    if (a.interface != ErabInterface::none) line.append(" [").append(name_of(a.interface)).append("]");
    if (a.count > 1) line += "  x" + with_thousands(a.count);
    page.text(line);
    page.text("          " + (a.message_ja.empty() ? std::string(message.message_ja) : printable(a.message_ja, 120)));
    std::string where = time_text(s.timezone, a.first_seen);
    if (!a.from.empty() || !a.to.empty()) where += "  " + printable(a.from, 60) + " → " + printable(a.to, 60);
    page.text("          " + where);
  }
  const std::uint64_t left_out = s.alert_lines_left_out + (s.alert_lines.size() - shown);
  if (left_out != 0)
    page.text("          and " + with_thousands(left_out) + " more / ほか " + with_thousands(left_out) + " 件");
}

void decode_errors(Page& page, const Summary& s) {
  const metrics::Totals& t = s.totals;
  const std::uint64_t all = t.decode_errors_all();
  page.heading("Could not be decoded", "解析できなかったデータ");
  if (all == 0) page.text("Nothing. / なし");
  struct Row {
    std::uint64_t count;
    Layer layer;
    ParseError error;
  };
  std::vector<Row> rows;
  for (std::size_t layer = 0; layer < layer_count; ++layer) {
    for (std::size_t e = 0; e < parse_error_count; ++e) {
      if (t.decode_errors[layer][e] != 0)
        rows.push_back({t.decode_errors[layer][e], static_cast<Layer>(layer), static_cast<ParseError>(e)});
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.count > b.count; });
  for (std::size_t i = 0; i < rows.size() && i < Summary::decode_error_lines_max; ++i) {
    page.number(std::string(name_of(rows[i].layer)) + ": " + std::string(name_of(rows[i].error)), "", rows[i].count,
                phrase_of(rows[i].error));
  }
  if (rows.size() > Summary::decode_error_lines_max) {
    page.text("and " + std::to_string(rows.size() - Summary::decode_error_lines_max) + " more reasons");
  }
  if (t.checksum_unfilled != 0) {
    page.number("Checksums left to the card, accepted", "オフロード済みチェックサム", t.checksum_unfilled);
  }
}

// Everything that makes the result less than whole: never in silence.
void limits(Page& page, const Summary& s) {
  const metrics::Totals& t = s.totals;
  std::uint64_t evicted = 0;
  for (const std::uint64_t n : t.evictions) evicted += n;
  const bool rests = std::any_of(s.resting.begin(), s.resting.end(), [](const Feature& f) { return !f.on; });
  if (s.damages.empty() && evicted == 0 && t.records_shed == 0 && t.record_overflows == 0 && t.alerts_shed == 0 &&
      !rests)
    return;
  page.heading("What this result does not cover", "本結果の制約事項");
  for (std::size_t i = 0; i < s.damages.size() && i < Summary::damage_lines_max; ++i) {
    page.text(page.paint("\033[31m", "damaged input / 破損した入力:") + " " + printable(s.damages[i], 300));
  }
  if (s.damages.size() > Summary::damage_lines_max) {
    page.text("and " + std::to_string(s.damages.size() - Summary::damage_lines_max) + " more damaged inputs");
  }
  for (std::size_t i = 0; i < t.evictions.size(); ++i) {
    if (t.evictions[i] == 0) continue;
    page.number("State evicted: " + std::string(metrics::name_of(static_cast<metrics::EvictionReason>(i))),
                "上限による破棄", t.evictions[i]);
  }
  if (t.records_shed != 0) page.number("Detail records shed", "破棄した詳細記録", t.records_shed);
  if (t.alerts_shed != 0) page.number("Alerts shed", "破棄したアラート", t.alerts_shed);
  if (t.record_overflows != 0) page.number("Records too long to write", "長すぎて書けなかった記録", t.record_overflows);
  for (const Feature& f : s.resting) {
    if (!f.on)
      page.text("rests / 休止中: " + printable(f.name, 60) +
                (f.detail.empty() ? "" : " — " + printable(f.detail, 160)));
  }
}

void put(std::FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to), std::fflush(to); }

void features(Page& page, std::string_view english, std::string_view japanese, const std::vector<Feature>& all) {
  std::string on;
  std::vector<const Feature*> rest;
  for (const Feature& f : all) {
    if (!f.on) {
      rest.push_back(&f);
      continue;
    }
    if (!on.empty()) on += ", ";
    on += printable(f.name, 80);
    if (!f.detail.empty()) on += " (" + printable(f.detail, 120) + ")";
  }
  const std::string label = pad_right(std::string(english) + " / " + std::string(japanese), 30);
  page.text(label + (on.empty() ? std::string(rest.empty() ? "none / なし" : "none on / 動作中のものなし") : on));
  for (const Feature* f : rest) {
    page.text(std::string(30, ' ') + page.paint("\033[33m", "rests / 休止中") + ": " + printable(f->name, 60) +
              (f->detail.empty() ? "" : " — " + printable(f->detail, 160)));
  }
}

}  // namespace

std::string summary_text(const Summary& s, bool color) {
  Page page(color);
  traffic(page, s);
  protocols(page, s);
  assets(page, s);
  alerts(page, s);
  decode_errors(page, s);
  limits(page, s);
  if (!s.events_path.empty()) {
    page.heading("Events", "イベント出力");
    page.number("Events written", "出力イベント", s.events_written,
                bytes_text(s.events_bytes) + " to " + printable(s.events_path));
  }
  return page.take();
}

void print_summary(std::FILE* to, const Summary& summary, bool color) { put(to, summary_text(summary, color)); }

std::string banner_text(const StartBanner& b, bool color) {
  Page page(color);
  page.heading("Tsujiban " + printable(b.version, 40), "辻番");
  if (!b.site.empty()) page.text(pad_right("site / サイト", 30) + printable(b.site));
  page.text(pad_right("configuration / 設定", 30) +
            (b.configuration.empty() ? "none given / 指定なし" : printable(b.configuration)));
  features(page, "protocols", "プロトコル", b.protocols);
  features(page, "rules", "シグネチャ", b.rules);
  features(page, "detectors", "検知器", b.detectors);
  if (!b.outputs.empty()) features(page, "outputs", "出力", b.outputs);
  page.text(pad_right("workers / ワーカー", 30) + std::to_string(b.workers));
  return page.take();
}

void print_banner(std::FILE* to, const StartBanner& banner, bool color) { put(to, banner_text(banner, color) + "\n"); }

}  // namespace tsujiban::output
