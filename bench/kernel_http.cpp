// HTTP: nanoseconds a transaction of OpenADR, with and without records, in pieces as segments bring them, and what
// hostile bytes cost.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "bench/null_sink.h"
#include "dissectors/http/http_dissector.h"

namespace {

using namespace tsujiban;

std::string poll_request() {
  const std::string body = "<oadrPayload>" + std::string(900, 'x') + "</oadrPayload>";
  return "POST /OpenADR2/Simple/2.0b/OadrPoll HTTP/1.1\r\nHost: vtn.example.jp:8080\r\nUser-Agent: VEN/2.0b\r\n"
         "Accept: */*\r\nContent-Type: application/xml\r\nConnection: keep-alive\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string poll_response() {
  const std::string body = "<oadrPayload>" + std::string(2500, 'y') + "</oadrPayload>";
  return "HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nServer: vtn\r\nContent-Type: application/xml; "
         "charset=utf-8\r\nCache-Control: no-cache\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

void dialogue(benchmark::State& state, std::string_view request, std::string_view response, bool records) {
  constexpr std::size_t segment_bytes = 1448;
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  bench::NullSink sink(records, false, true);
  http::HttpDissector dissector({}, *counters);
  http::StreamState stream{};
  dissect::MessageContext context{};
  context.packet = nullptr;
  context.app_protocol = AppProtocol::http;
  std::array<std::string, 2> kept;
  const auto feed = [&](std::string_view text, Direction direction) {
    context.direction = direction;
    std::string& left = kept[static_cast<unsigned>(direction)];
    while (!text.empty()) {
      std::string_view all = text.substr(0, segment_bytes);
      text.remove_prefix(all.size());
      const bool joined = !left.empty();
      if (joined) all = left.append(all);
      std::size_t used = 0;
      while (used < all.size()) {
        const std::string_view rest = all.substr(used);
        const dissect::Progress progress =
            dissector.feed(&stream, context, {reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size()}, sink);
        if (progress.kind != dissect::Progress::Kind::consumed) break;
        used += progress.length;
      }
      if (joined)
        left.erase(0, used);
      else
        left.assign(all.substr(used));
    }
  };
  for (auto _ : state) {
    feed(request, Direction::to_responder);
    feed(response, Direction::to_initiator);
  }
  dissector.close(&stream);
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(request.size() + response.size()));
}

void BM_http_transaction_counted(benchmark::State& state) { dialogue(state, poll_request(), poll_response(), false); }
void BM_http_transaction_records(benchmark::State& state) { dialogue(state, poll_request(), poll_response(), true); }
// Start lines without end: each looks like the next message.
void BM_http_hostile_starts(benchmark::State& state) {
  std::string text;
  while (text.size() < 64 * 1024) text += "GET x HTTP/1.";
  dialogue(state, text, text, true);
}
// An ordinary body of the same size, for comparison: whole, and in chunks as servers make them.
void BM_http_plain_body(benchmark::State& state) {
  const std::string body(64 * 1024, 'x');
  dialogue(state, "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
           "HTTP/1.1 204 N\r\n\r\n", true);
}
void BM_http_plain_chunks(benchmark::State& state) {
  std::string text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  while (text.size() < 64 * 1024) text += "200\r\n" + std::string(512, 'x') + "\r\n";
  dialogue(state, text + "0\r\n\r\n", "HTTP/1.1 204 N\r\n\r\n", true);
}
// Chunks of one byte.
void BM_http_hostile_chunks(benchmark::State& state) {
  std::string text = "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  while (text.size() < 64 * 1024) text += "1\r\nx\r\n";
  dialogue(state, text + "0\r\n\r\n", "HTTP/1.1 204 N\r\n\r\n", true);
}

BENCHMARK(BM_http_transaction_counted);
BENCHMARK(BM_http_transaction_records);
BENCHMARK(BM_http_plain_body);
BENCHMARK(BM_http_plain_chunks);
BENCHMARK(BM_http_hostile_starts);
BENCHMARK(BM_http_hostile_chunks);

}  // namespace
