#include "output/metrics_exposition.h"

#include <netdb.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <system_error>

namespace tsujiban::output {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

// Gathers families in the order of their making.
class Families {
 public:
  MetricFamily& family(MetricType type, std::string name, std::string help) {
    families_.push_back({"tsujiban_" + std::move(name), std::move(help), type, {}});
    return families_.back();
  }
  static void value(MetricFamily& family, double number, const Labels& labels = {}) {
    prometheus::ClientMetric metric;
    for (const auto& [name, text] : labels) metric.label.push_back({std::string(name), std::string(text)});
    if (family.type == MetricType::Counter)
      metric.counter.value = number;
    else
      metric.gauge.value = number;
    family.metric.push_back(std::move(metric));
  }
  static void value(MetricFamily& family, std::uint64_t number, const Labels& labels = {}) {
    value(family, static_cast<double>(number), labels);  // Prometheus has doubles only: exact to 2^53.
  }
  void counter(std::string name, std::string help, std::uint64_t number) {
    value(family(MetricType::Counter, std::move(name), std::move(help)), number);
  }
  void gauge(std::string name, std::string help, double number) {
    value(family(MetricType::Gauge, std::move(name), std::move(help)), number);
  }
  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void packets(Families& out, const metrics::Totals& t, const metrics::ProcessMetrics& p) {
  out.counter("packets_received_total",
              "Packets delivered by the sources; equals packets_total plus dropped packets other than kernel.",
              p.packets_received.value());
  out.counter("packets_total", "Packets processed.", t.packets);
  out.counter("bytes_total", "Bytes of the packets processed, as on the wire.", t.bytes);
  MetricFamily& dropped =
      out.family(MetricType::Counter, "dropped_packets_total", "Packets that were not processed, by reason.");
  for (std::size_t i = 0; i < p.dropped.size(); ++i) {
    Families::value(dropped, p.dropped[i].value(), {{"reason", metrics::name_of(static_cast<metrics::DropReason>(i))}});
  }
  out.counter("duplicate_packets_total", "Packets that the mirror delivered twice; processed, then suppressed.",
              t.duplicates);
  out.counter("snapped_packets_total", "Packets that the snap length cut.", t.snapped);
  out.counter("fragment_packets_total", "IP fragments.", t.fragments);
  out.counter("tunnelled_packets_total", "Packets inside a tunnel.", t.tunnelled);
  out.counter("unfilled_checksums_total", "Checksums that the sending host left to its card, accepted.",
              t.checksum_unfilled);
  MetricFamily& by_protocol =
      out.family(MetricType::Counter, "protocol_packets_total", "Packets by network or transport protocol.");
  const std::pair<std::string_view, std::uint64_t> rows[] = {
      {"ip", t.decoded_ip}, {"arp", t.decoded_arp}, {"other", t.decoded_other},
      {"udp", t.udp},       {"tcp", t.tcp},         {"icmp", t.icmp}};
  for (const auto& [name, n] : rows) Families::value(by_protocol, n, {{"protocol", name}});
  MetricFamily& errors = out.family(MetricType::Counter, "decode_errors_total",
                                    "Broken rules in packets and messages, by layer and reason.");
  for (std::size_t layer = 0; layer < layer_count; ++layer) {
    for (std::size_t e = 0; e < parse_error_count; ++e) {
      const std::uint64_t n = t.decode_errors[layer][e];
      if (n == 0) continue;
      Families::value(errors, n,
                      {{"layer", name_of(static_cast<Layer>(layer))}, {"reason", name_of(static_cast<ParseError>(e))}});
    }
  }
}

void flows(Families& out, const metrics::Totals& t) {
  out.gauge("flows_active", "Flows in the tables now.", static_cast<double>(t.flows_active));
  out.counter("flows_total", "Flows begun.", t.flows_created);
  MetricFamily& evicted =
      out.family(MetricType::Counter, "flow_evictions_total", "State given up before its time, by reason.");
  for (std::size_t i = 0; i < t.evictions.size(); ++i) {
    Families::value(evicted, t.evictions[i], {{"reason", metrics::name_of(static_cast<metrics::EvictionReason>(i))}});
  }
  out.counter("stream_bytes_total", "TCP payload bytes put into order.", t.stream_bytes);
  out.counter("stream_gap_bytes_total", "Acknowledged TCP bytes that never reached the sensor: lost before it.",
              t.stream_gap_bytes);
  out.counter("stream_beyond_depth_bytes_total", "TCP payload bytes beyond the depth that is looked into.",
              t.stream_beyond_depth_bytes);
  out.counter("stream_retransmitted_bytes_total", "TCP payload bytes seen again.", t.stream_retransmitted_bytes);
}

void messages(Families& out, const metrics::Totals& t, MessageTypeName type_name) {
  MetricFamily& by_type =
      out.family(MetricType::Counter, "messages_total", "Application messages, by protocol and type.");
  MetricFamily malformed{"tsujiban_malformed_messages_total",
                         "Application messages with a broken body, by protocol.",
                         MetricType::Counter,
                         {}};
  for (std::size_t p = 1; p < app_protocol_count; ++p) {
    const auto protocol = static_cast<AppProtocol>(p);
    for (unsigned i = 0; i < metrics::message_type_max; ++i) {
      if (t.messages[p][i] == 0) continue;
      char number[8];
      std::snprintf(number, sizeof number, "0x%02x", i);
      const std::string_view name = type_name == nullptr ? std::string_view() : type_name(protocol, i);
      Families::value(by_type, t.messages[p][i],
                      {{"protocol", name_of(protocol)}, {"type", name.empty() ? std::string_view(number) : name}});
    }
    Families::value(malformed, t.messages_malformed[p], {{"protocol", name_of(protocol)}});
  }
  MetricFamily& placed = out.family(MetricType::Counter, "malformed_messages_total", malformed.help);
  placed = std::move(malformed);
}

void alerts(Families& out, const metrics::Totals& t, const metrics::ProcessMetrics& p) {
  MetricFamily& by = out.family(MetricType::Counter, "alerts_total",
                                "Alert events, by detector, severity (1 is worst) and ERAB interface.");
  for (std::size_t d = 0; d < detector_count; ++d) {
    for (std::size_t s = 0; s < metrics::severity_count; ++s) {
      for (std::size_t i = 0; i < erab_interface_count; ++i) {
        const std::uint64_t n = p.alerts[d][s][i].value();
        if (n == 0) continue;
        const char severity = static_cast<char>('1' + s);
        Families::value(by, n,
                        {{"detector", info_of(static_cast<DetectorId>(d)).name},
                         {"severity", {&severity, 1}},
                         {"erab_interface", name_of(static_cast<ErabInterface>(i))}});
      }
    }
  }
  out.counter("alerts_raised_total", "Alerts raised; equals written plus merged plus shed.", t.alerts_raised);
  MetricFamily& fate = out.family(MetricType::Counter, "alerts_fate_total", "What became of the alerts raised.");
  Families::value(fate, p.alerts_written.value(), {{"fate", "written"}});
  Families::value(fate, t.alerts_merged, {{"fate", "merged"}});
  Families::value(fate, t.alerts_shed, {{"fate", "shed"}});
  out.counter("signature_matches_total", "Rules of the signature files that matched.", t.signature_matches);
  out.counter("signature_stream_overflows_total", "Stream bytes scanned apart because all scanner streams were taken.",
              t.signature_stream_overflows);
  out.counter("signature_scan_errors_total", "Scans that the pattern library ended with an error; 0 is expected.",
              t.signature_scan_errors);
  out.counter("signature_scans_total", "Pieces of payload that were matched against the rules.", t.signature_scans);
}

void outputs(Families& out, const metrics::Totals& t, const metrics::ProcessMetrics& p) {
  MetricFamily& queue = out.family(MetricType::Gauge, "output_queue_events", "Events that wait for an output now.");
  for (std::size_t k = 0; k < p.sinks.size(); ++k) {
    Families::value(queue, p.sinks[k].queue_events.value(),
                    {{"sink", metrics::name_of(static_cast<metrics::SinkKind>(k))}});
  }
  MetricFamily& events =
      out.family(MetricType::Counter, "output_events_total", "Events given to an output, by what it did with them.");
  for (std::size_t k = 0; k < p.sinks.size(); ++k) {
    for (std::size_t r = 0; r < p.sinks[k].events.size(); ++r) {
      Families::value(events, p.sinks[k].events[r].value(),
                      {{"sink", metrics::name_of(static_cast<metrics::SinkKind>(k))},
                       {"result", metrics::name_of(static_cast<metrics::OutputResult>(r))}});
    }
  }
  struct Column {
    const char *name, *help;
    metrics::SharedCounter metrics::SinkMetrics::*member;
  };
  const Column columns[] = {
      {"output_bytes_total", "Bytes that an output wrote.", &metrics::SinkMetrics::bytes},
      {"output_errors_total", "System calls of an output that failed, retries included.",
       &metrics::SinkMetrics::errors},
      {"output_rotations_total", "Files that an output rotated.", &metrics::SinkMetrics::rotations}};
  for (const Column& column : columns) {
    MetricFamily& family = out.family(MetricType::Counter, column.name, column.help);
    for (std::size_t k = 0; k < p.sinks.size(); ++k) {
      Families::value(family, (p.sinks[k].*column.member).value(),
                      {{"sink", metrics::name_of(static_cast<metrics::SinkKind>(k))}});
    }
  }
  out.counter("records_total", "Records written by the workers.", t.records);
  out.counter("records_shed_total", "Detail records given up because an output could not keep up.", t.records_shed);
  out.counter("record_overflows_total", "Records too long for their buffer.", t.record_overflows);
}

void process(Families& out, const metrics::ProcessMetrics& p, const std::string& version) {
  MetricFamily& seconds =
      out.family(MetricType::Histogram, "processing_seconds", "From a packet's arrival to the end of its processing.");
  prometheus::ClientMetric metric;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < metrics::DurationHistogram::class_count; ++i) {
    cumulative += p.processing.in_class(i);
    const bool last = i == metrics::DurationHistogram::bounds_ns.size();
    const double bound = last ? std::numeric_limits<double>::infinity()
                              : static_cast<double>(metrics::DurationHistogram::bounds_ns[i]) / 1e9;
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = static_cast<double>(p.processing.sum_ns()) * 1e-9;
  seconds.metric.push_back(std::move(metric));
  out.gauge("capture_lag_seconds", "Wall clock less the newest packet's time.",
            static_cast<double>(p.capture_lag_ns.value()) * 1e-9);
  MetricFamily& blind = out.family(MetricType::Gauge, "blind_peers",
                                   "Pairs of hosts for which a detector rests, because what it needs cannot be seen.");
  for (const DetectorInfo& info : detector_catalogue()) {
    if (const std::uint64_t peers = p.blind_peers[static_cast<std::size_t>(info.id)].value(); peers != 0)
      Families::value(blind, peers, {{"detector", info.name}});
  }
  MetricFamily& power = out.family(MetricType::Gauge, "power_at_risk_kw",
                                   "Capacity moved in one direction by writes within the window, over the site.");
  Families::value(power, static_cast<double>(p.power_at_risk_w.value()) / 1000.0, {});
  MetricFamily& assets = out.family(MetricType::Gauge, "assets", "Assets of the inventory, by role.");
  for (std::size_t r = 0; r < role_count; ++r) {
    Families::value(assets, p.assets[r].value(), {{"role", name_of(static_cast<Role>(r))}});
  }
  MetricFamily& reloads = out.family(MetricType::Counter, "configuration_reloads_total",
                                     "Times the configuration was read again while running, by result.");
  for (std::size_t r = 0; r < p.reloads.size(); ++r)
    Families::value(reloads, p.reloads[r].value(),
                    {{"result", metrics::name_of(static_cast<metrics::ReloadResult>(r))}});
  if (p.start_time_s.value() != 0) {
    out.gauge("start_time_seconds", "When the sensor began, in seconds since 1970.",
              static_cast<double>(p.start_time_s.value()));
  }
  Families::value(out.family(MetricType::Gauge, "build_info", "1; the version is its label."), 1.0,
                  {{"version", version}});
}

std::vector<MetricFamily> collect(const MetricsSources& sources) {
  // About 12 KiB: too large for nothing, small enough for a thread's stack.
  const metrics::Totals totals = metrics::fold(sources.workers);
  Families out;
  packets(out, totals, *sources.process);
  flows(out, totals);
  messages(out, totals, sources.type_name);
  alerts(out, totals, *sources.process);
  outputs(out, totals, *sources.process);
  process(out, *sources.process, sources.version);
  return out.take();
}

struct Listen {
  std::string host;  // Without brackets.
  std::string port;
};

Listen parse_listen(std::string_view text) {
  const auto wrong = [&](const char* what) {
    return std::runtime_error("metrics.listen `" + std::string(text) + "`: " + what +
                              "; host:port is accepted, such as 127.0.0.1:9836 or [::1]:9836");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) throw wrong("it has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  unsigned number = 0;
  const auto done = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || done.ec != std::errc() || done.ptr != port.data() + port.size() || number > 65535)
    throw wrong("the port is no number up to 65535");
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    throw wrong("an IPv6 address stands in brackets");
  if (host.empty()) throw wrong("it has no host");
  // The HTTP server reads more than an address out of its option (`,` another port, `s` TLS): nothing of that gets
  // through.
  for (const char c : host) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == ':' || c == '-';
    if (!plain) throw wrong("a character that is in no address");
  }
  return {std::string(host), std::string(port)};
}

// The HTTP server says only that it could not bind. Binding first ourselves says why, and gives names as numbers.
std::string checked_address(std::string_view text) {
  const Listen listen = parse_listen(text);
  const std::string at = "metrics.listen `" + std::string(text) + "`: ";
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  if (const int why = getaddrinfo(listen.host.c_str(), listen.port.c_str(), &hints, &found); why != 0) {
    throw std::runtime_error(at + gai_strerror(why));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> holder(found, &freeaddrinfo);
  int why = 0;
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    why = errno;
  } else {
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, 1) != 0) why = errno;
    ::close(fd);
  }
  if (why != 0) throw std::runtime_error(at + std::generic_category().message(why));
  char numeric[64];
  if (getnameinfo(found->ai_addr, found->ai_addrlen, numeric, sizeof numeric, nullptr, 0, NI_NUMERICHOST) != 0) {
    throw std::runtime_error(at + "the address cannot be written as a number");
  }
  return (found->ai_family == AF_INET6 ? "[" + std::string(numeric) + "]" : std::string(numeric)) + ":" + listen.port;
}

class Collector final : public prometheus::Collectable {
 public:
  explicit Collector(MetricsSources sources) : sources_(std::move(sources)) {}
  std::vector<MetricFamily> Collect() const override { return collect(sources_); }

 private:
  MetricsSources sources_;
};

}  // namespace

std::string exposition_text(const MetricsSources& sources) {
  return prometheus::TextSerializer().Serialize(collect(sources));
}

struct MetricsServer::Room {
  std::shared_ptr<Collector> collector;
  std::unique_ptr<prometheus::Exposer> exposer;
  int port = 0;
};

MetricsServer::MetricsServer(std::string_view listen, MetricsSources sources) : room_(std::make_unique<Room>()) {
  const std::string address = checked_address(listen);
  room_->collector = std::make_shared<Collector>(std::move(sources));
  try {
    room_->exposer = std::make_unique<prometheus::Exposer>(address, thread_count);
  } catch (const std::exception& error) {
    throw std::runtime_error("metrics.listen `" + std::string(listen) +
                             "`: the HTTP server does not start: " + error.what());
  }
  room_->exposer->RegisterCollectable(room_->collector);
  const std::vector<int> ports = room_->exposer->GetListeningPorts();
  room_->port = ports.empty() ? 0 : ports.front();
}

MetricsServer::~MetricsServer() = default;

int MetricsServer::port() const noexcept { return room_->port; }

}  // namespace tsujiban::output
