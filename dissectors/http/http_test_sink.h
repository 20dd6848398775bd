#pragma once
// For tests of this folder: a stream of both directions, and what the dissector tells of it.
#include <zlib.h>

#include <memory>
#include <string>
#include <string_view>

#include "dissect/test_sink.h"
#include "dissectors/http/http_dissector.h"

namespace tsujiban::http::testing {

using dissect::testing::Octets;
using dissect::testing::TestSink;
using dissect::testing::TestStream;
using dissect::testing::ToldAnomaly;

inline Bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// As zlib's `deflateInit2` makes it: 31 gzip, 15 deflate with its wrapping, -15 without.
inline std::string deflated(std::string_view plain, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, plain.size()) + 64, '\0');
  std::string input(plain);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// Whether both readers of heads say the same of bytes that the one for plain heads takes; how many it took.
struct PlainHead {
  std::size_t size = 0;
  bool same = true;
};
inline PlainHead compare_readers(Bytes bytes, bool of_request, Depth depth) {
  static std::string room(4 * scratch_bytes, '\0');
  Scratch a(room.data(), scratch_bytes), b(room.data() + 2 * scratch_bytes, scratch_bytes);
  Head plain, careful;
  const std::size_t size =
      of_request ? read_plain_request(bytes, depth, a, plain) : read_plain_response(bytes, depth, a, plain);
  if (size == 0) return {};
  const Bytes head = bytes.first(size);
  of_request ? read_request(head, depth, b, careful) : read_response(head, depth, b, careful);
  const std::string_view text = text_of(head), line = text.substr(0, text.find("\r\n"));
  const bool whole = text.ends_with("\r\n\r\n") && text.find("\r\n\r\n") == size - 4;
  return {size, plain == careful && whole && (of_request ? is_request_line(line) : can_begin_response(bytes))};
}

struct Bench {
  static inline const IpAddress client_address = IpAddress::v4(0xC0A8140A), server_address = IpAddress::v4(0xC0A81401);

  explicit Bench(bool want_records = true, std::uint32_t open_streams = 64)
      : Bench(std::make_shared<Worker>(open_streams), want_records) {}
  // A dissector that others use too.
  struct Worker {
    explicit Worker(std::uint32_t open_streams) : dissector({.open_streams = open_streams}, counters) {}
    metrics::WorkerCounters counters;
    HttpDissector dissector;
  };
  Bench(std::shared_ptr<Worker> of, bool want_records)
      : worker(std::move(of)),
        counters(&worker->counters),
        sink(EventType::http, want_records, true, 256 * 1024),
        dissector(&worker->dissector),
        stream(*dissector, registry_row, sink) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 6;
    context.app_protocol = AppProtocol::http;
  }
  ~Bench() {
    if (!closed) close();
  }
  dissect::MessageContext& from_client() { return of(true); }
  dissect::MessageContext& from_server() { return of(false); }
  Bench& ask(std::string_view text) { return stream.feed(from_client(), bytes_of(text)), *this; }
  Bench& answer(std::string_view text) { return stream.feed(from_server(), bytes_of(text)), *this; }
  Bench& finish() {
    stream.finish(from_client());
    stream.finish(from_server());
    return *this;
  }
  void close() {
    dissector->close(stream.state());
    closed = true;
  }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }
  std::string all() const {
    std::string text;
    for (const std::string& record : sink.records) text += record + '\n';
    return text;
  }
  std::uint64_t counted(std::string_view name) const {
    for (unsigned type = 0; type < 16; ++type) {
      if (message_type_name(static_cast<std::uint8_t>(type)) == name)
        return counters->messages[static_cast<std::size_t>(AppProtocol::http)][type].value();
    }
    return ~std::uint64_t{0};
  }

  std::shared_ptr<Worker> worker;
  metrics::WorkerCounters* counters;
  TestSink sink;
  HttpDissector* dissector;
  TestStream stream;
  dissect::MessageContext context;
  bool client_began = true, closed = false;

 private:
  dissect::MessageContext& of(bool client) {
    context.direction = client == client_began ? Direction::to_responder : Direction::to_initiator;
    context.source = client ? client_address : server_address;
    context.destination = client ? server_address : client_address;
    context.source_port = client ? 40000 : 80;
    context.destination_port = client ? 80 : 40000;
    return context;
  }
};

}  // namespace tsujiban::http::testing
