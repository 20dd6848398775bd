// Any bytes as both directions of a stream, whole and in pieces: no harm, and the same events whatever the pieces. The
// first byte says where the client's bytes end and the server's begin.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "dissectors/http/http_facts.h"
#include "dissectors/http/http_test_sink.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  using http::testing::Bench;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = input.size() * data[0] / 255;
  const std::string_view client = input.substr(0, cut), server = input.substr(cut);
  for (const bool hint : {false, true}) {
    static_cast<void>(http::probe(dissect::Transport::stream, hint, http::testing::bytes_of(client)));
    static_cast<void>(http::probe(dissect::Transport::stream, hint, http::testing::bytes_of(server)));
  }
  // Both readers of heads agree, wherever one begins.
  for (std::size_t at = 0; at < input.size(); at = std::min(input.find('\n', at), input.size() - 1) + 1) {
    const Bytes from = http::testing::bytes_of(input.substr(at));
    for (const bool of_request : {false, true}) {
      for (const http::Depth depth : {http::Depth::framing, http::Depth::facts, http::Depth::records}) {
        if (!http::testing::compare_readers(from, of_request, depth).same) std::abort();
      }
    }
  }
  const auto run = [&](Bench& bench, bool pieces, bool lossy) {
    std::size_t step = 0;
    const auto feed = [&](std::string_view text, bool of_client) {
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = pieces ? 1 + data[step++ % size] % 29u : text.size();
        const std::string_view piece = text.substr(at, length);
        of_client ? bench.ask(piece) : bench.answer(piece);
        at += length;
        if (lossy && step % 5 == 0) {
          bench.gap(of_client, data[step % size]);
          at += data[step % size];
        }
      }
    };
    feed(client, true);
    feed(server, false);
    bench.finish();
    if (bench.stream.bad_progress || bench.sink.overflowed || bench.outstanding() != 0) std::abort();
  };
  static const auto worker = std::make_shared<Bench::Worker>(dissect::Limits{.open_streams = 64});
  Bench whole(worker, {}), pieces(worker, {}), quiet(worker, {.records = false}), lossy(worker, {});
  // Two pages that a request is short enough to name.
  static const std::array<std::uint64_t, 2> watched = [] {
    std::array<std::uint64_t, 2> hashes = {http::url_hash_of("", "/"), http::url_hash_of("a", "/")};
    std::sort(hashes.begin(), hashes.end());
    return hashes;
  }();
  for (Bench* const bench : {&whole, &pieces, &quiet, &lossy}) bench->sink.watch(watched);
  run(whole, false, false);
  run(pieces, true, false);
  run(quiet, false, false);
  run(lossy, true, true);
  if (whole.stream.given_up != pieces.stream.given_up) std::abort();
  if (whole.sink.records != pieces.sink.records || whole.sink.anomalies != pieces.sink.anomalies) std::abort();
  const auto pages_of = [](const Bench& bench) {
    std::vector<std::array<std::uint64_t, 3>> pages;
    for (const Fact& fact : bench.sink.told(FactKind::web_page))
      pages.push_back({fact.web_page.body_hash, fact.web_page.title_hash, fact.web_page.bytes});
    return pages;
  };
  if (pages_of(whole) != pages_of(pieces) || pages_of(whole) != pages_of(quiet)) std::abort();
  // The verdict is the same whether somebody wants records or not.
  if (whole.sink.anomalies != quiet.sink.anomalies || !quiet.sink.records.empty()) std::abort();
  return 0;
}
