#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "output/metrics_exposition.h"

namespace tsujiban::output {
namespace {

struct Sources {
  std::unique_ptr<metrics::WorkerCounters> first = std::make_unique<metrics::WorkerCounters>();
  std::unique_ptr<metrics::WorkerCounters> second = std::make_unique<metrics::WorkerCounters>();
  std::unique_ptr<metrics::ProcessMetrics> process = std::make_unique<metrics::ProcessMetrics>();
  Sources() {
    first->packets.add(3), second->packets.add(4), first->bytes.add(1000);
    first->error(Layer::ipv4, ParseError::truncated), second->error(Layer::ipv4, ParseError::truncated);
    second->evicted(metrics::EvictionReason::stream_memory, 2);
    first->messages[1][0x72].add(5), first->messages[1][0x01].add(6), first->messages_malformed[1].add();
    process->packets_received.add(8), process->dropped[0].add(1);
    process->alert(DetectorId::policy_peer_not_allowed, Severity::high, ErabInterface::R5);
    process->alert(DetectorId::count_, Severity::high, ErabInterface::R5);  // Ignored.
    process->assets[static_cast<std::size_t>(Role::ems)].set(12);
    process->reloads[static_cast<std::size_t>(metrics::ReloadResult::failure)].add(2);
    process->processing.observe(700), process->processing.observe(20'000'000'000, 2);
    process->capture_lag_ns.set(250'000'000);
    process->sinks[0].events[1].add(9);
  }
  MetricsSources view() const {
    return {{first.get(), second.get()},
            process.get(),
            [](AppProtocol, unsigned type) -> std::string_view { return type == 0x72 ? "Get_Res" : ""; },
            "0.1.0"};
  }
};

TEST(Exposition, folds_the_workers_and_has_the_families_of_the_contract) {
  const Sources sources;
  const std::string text = exposition_text(sources.view());
  for (const char* line :
       {"tsujiban_packets_total 7\n",
        "tsujiban_bytes_total 1000\n",
        "tsujiban_packets_received_total 8\n",
        "tsujiban_dropped_packets_total{reason=\"kernel\"} 1\n",
        "tsujiban_dropped_packets_total{reason=\"ring\"} 0\n",
        "tsujiban_dropped_packets_total{reason=\"pool\"} 0\n",
        "tsujiban_dropped_packets_total{reason=\"output\"} 0\n",
        "tsujiban_decode_errors_total{layer=\"ipv4\",reason=\"truncated\"} 2\n",
        "tsujiban_flows_active 0\n",
        "tsujiban_flow_evictions_total{reason=\"stream_memory\"} 2\n",
        "tsujiban_messages_total{protocol=\"echonet_lite\",type=\"Get_Res\"} 5\n",
        "tsujiban_messages_total{protocol=\"echonet_lite\",type=\"0x01\"} 6\n",
        "tsujiban_malformed_messages_total{protocol=\"echonet_lite\"} 1\n",
        "tsujiban_alerts_total{detector=\"policy.peer-not-allowed\",severity=\"2\",erab_interface=\"R5\"} 1\n",
        "tsujiban_signature_matches_total 0\n",
        "tsujiban_processing_seconds_bucket{le=\"1e-06\"} 1\n",
        "tsujiban_processing_seconds_bucket{le=\"10\"} 1\n",
        "tsujiban_processing_seconds_bucket{le=\"+Inf\"} 3\n",
        "tsujiban_processing_seconds_count 3\n",
        "tsujiban_capture_lag_seconds 0.25\n",
        "tsujiban_output_queue_events{sink=\"eve\"} 0\n",
        "tsujiban_output_events_total{sink=\"eve\",result=\"shed\"} 9\n",
        "tsujiban_assets{role=\"ems\"} 12\n",
        "tsujiban_configuration_reloads_total{result=\"success\"} 0\n",
        "tsujiban_configuration_reloads_total{result=\"failure\"} 2\n",
        "tsujiban_build_info{version=\"0.1.0\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Exposition, families_exist_before_anything_happened) {
  const auto worker = std::make_unique<metrics::WorkerCounters>();
  const auto process = std::make_unique<metrics::ProcessMetrics>();
  const std::string text = exposition_text({{worker.get()}, process.get(), nullptr, "0.1.0"});
  for (const char* family : {"decode_errors_total", "messages_total", "alerts_total", "processing_seconds"}) {
    EXPECT_NE(text.find(std::string("# TYPE tsujiban_") + family + " "), std::string::npos) << family;
  }
}

TEST(Exposition, promtool_finds_no_fault) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "promtool (package prometheus) is absent";
  const Sources sources;
  const auto path = std::filesystem::temp_directory_path() / ("tsujiban-metrics-" + std::to_string(getpid()));
  std::ofstream(path) << exposition_text(sources.view());
  const int status = std::system(("promtool check metrics < '" + path.string() + "'").c_str());
  std::filesystem::remove(path);
  EXPECT_EQ(status, 0);
}

std::string get(int port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
      char piece[4096];
      for (ssize_t n; (n = ::recv(fd, piece, sizeof piece, 0)) > 0;) answer.append(piece, static_cast<std::size_t>(n));
    }
  }
  ::close(fd);
  return answer;
}

TEST(MetricsServer, is_scraped_while_the_counters_move) {
  Sources sources;
  MetricsServer server("127.0.0.1:0", sources.view());
  ASSERT_GT(server.port(), 0);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    while (!stop.load()) sources.first->packets.add(), sources.process->packets_received.add();
  });
  for (int i = 0; i < 20; ++i) {
    const std::string page = get(server.port(), "/metrics");
    EXPECT_NE(page.find("200 OK"), std::string::npos);
    EXPECT_NE(page.find("tsujiban_packets_total "), std::string::npos);
  }
  stop.store(true);
  worker.join();
  EXPECT_NE(get(server.port(), "/etc/passwd").find(" 404 "), std::string::npos);
}

std::string refused(std::string_view listen) {
  const Sources sources;
  try {
    MetricsServer server(listen, sources.view());
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(MetricsServer, a_busy_port_is_told) {
  const Sources sources;
  MetricsServer server("127.0.0.1:0", sources.view());
  const std::string listen = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(refused(listen), "metrics.listen `" + listen + "`: Address already in use");
}

TEST(MetricsServer, a_wrong_address_is_told_with_what_is_accepted) {
  for (const char* listen : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x", ":9836", "::1:9836",
                             "127.0.0.1:80,0.0.0.0:81", "0.0.0.0,1:80"}) {
    EXPECT_NE(refused(listen).find("is accepted"), std::string::npos) << listen;
  }
  EXPECT_NE(refused("192.0.2.1:9836").find("Cannot assign requested address"), std::string::npos);
}

}  // namespace
}  // namespace tsujiban::output
