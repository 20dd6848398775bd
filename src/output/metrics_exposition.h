#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/process_metrics.h"
#include "output/summary.h"

namespace tsujiban::output {

// What the exposition reads. Everything outlives it; the workers' counters may be written meanwhile.
struct MetricsSources {
  std::vector<const metrics::WorkerCounters*> workers;
  const metrics::ProcessMetrics* process = nullptr;
  MessageTypeName type_name = nullptr;  // Null, or an empty name: the number, "0x72".
  std::string version;
};

// The page in Prometheus's text format (0.0.4). Also what a scrape gets.
std::string exposition_text(const MetricsSources& sources);

// Serves /metrics over HTTP with two threads; nothing else is served and nothing is written. The counters are folded
// when somebody asks, so that a packet costs no more for it.
class MetricsServer {
 public:
  static constexpr std::size_t thread_count = 2;
  // `listen` is "127.0.0.1:9836", "[::1]:9836" or "localhost:9836"; port 0 picks a free one. Throws std::runtime_error
  // that says what is wrong with the address.
  MetricsServer(std::string_view listen, MetricsSources sources);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  int port() const noexcept;

 private:
  struct Room;
  std::unique_ptr<Room> room_;
};

}  // namespace tsujiban::output
