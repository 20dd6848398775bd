#pragma once
// For tests of this folder: a stream of both directions, and what the dissector tells of it.
#include <zlib.h>

#include <string>
#include <string_view>

#include "dissect/test_streams.h"
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

struct Bench : dissect::testing::StreamBench<HttpDissector, registry_row, EventType::http> {
  using StreamBench::counted;
  using StreamBench::StreamBench;
  std::string all() const {
    std::string text;
    for (const std::string& record : sink.records) text += record + '\n';
    return text;
  }
  std::uint64_t counted(std::string_view name) const {
    for (std::uint8_t type = 0; type < 16; ++type) {
      if (message_type_name(type) == name) return counted(type);
    }
    return ~std::uint64_t{0};
  }
  std::uint32_t outstanding() const {
    return dissector.events_in_use() + dissector.inflators_in_use() + dissector.pages_in_use();
  }
};

}  // namespace tsujiban::http::testing
