// The framing of chunked bodies (RFC 9112, 7.1).
#include <algorithm>
#include <array>

#include "dissectors/http/http_dissector.h"

namespace tsujiban::http {
namespace {

const std::uint8_t* find_line_end(Bytes bytes, std::size_t from) noexcept {
  return static_cast<const std::uint8_t*>(std::memchr(bytes.data() + from, '\n', bytes.size() - from));
}
// A line without its end: CR LF, or LF alone.
Bytes without_end(Bytes line) noexcept {
  std::size_t size = line.size() - 1;
  if (size > 0 && line[size - 1] == '\r') --size;
  return line.first(size);
}

constexpr std::array<std::uint8_t, 256> hex_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xFF);
  for (unsigned c = 0; c < 10; ++c) values['0' + c] = static_cast<std::uint8_t>(c);
  for (unsigned c = 0; c < 6; ++c) values['a' + c] = values['A' + c] = static_cast<std::uint8_t>(10 + c);
  return values;
}();

}  // namespace

// Chunks that are here whole and say nothing but their size: an adversary cuts a body into chunks of a byte, and each
// would cost the four steps of the state machine. Their bytes are gathered, so that who reads them is not called for
// each. Returns how many bytes were used; what is left is for the other steps.
std::size_t HttpDissector::whole_chunks(Turn& turn, Bytes bytes) noexcept {
  constexpr std::size_t digits_max = 4;  // A larger chunk does not come often.
  std::array<std::uint8_t, 1024> gathered;
  std::size_t used = 0, count = 0;
  const bool is_read = is_body_read(turn);
  std::uint64_t entity_bytes = 0;
  const auto hand_over = [&] {
    if (count != 0) entity(turn, Bytes{gathered}.first(count));
    count = 0;
  };
  while (true) {
    const std::uint8_t* const at = bytes.data() + used;
    const std::size_t left = bytes.size() - used;
    std::size_t size = 0, digits = 0;
    while (digits < std::min(left, digits_max) && hex_values[at[digits]] != 0xFF)
      size = size << 4 | hex_values[at[digits++]];
    const std::size_t whole = digits + 2 + size + 2;
    if (size == 0 || left < whole || at[digits] != '\r' || at[digits + 1] != '\n' || at[whole - 2] != '\r' ||
        at[whole - 1] != '\n')
      break;
    used += whole;
    if (!is_read) {
      entity_bytes += size;
      continue;
    }
    const std::uint8_t* const data = at + digits + 2;
    if (size > gathered.size() - count) hand_over();
    if (size > gathered.size()) {
      entity(turn, {data, size});
    } else {
      std::memcpy(gathered.data() + count, data, size);
      count += size;
    }
  }
  hand_over();
  if (turn.side.inflator == 0) budget(turn).pay_back(entity_bytes);
  if (HttpEvent* const event = event_of(turn)) {
    event->body(turn.body()).wire += used;
    event->body(turn.body()).entity += entity_bytes;
  }
  return used;
}

std::size_t HttpDissector::chunk_end(Turn& turn, Bytes bytes) noexcept {
  std::size_t used = 0;
  if (bytes[0] == '\r') {
    if (bytes.size() < 2) {
      turn.needed = 2;
      return 0;
    }
    ++used;
  }
  if (bytes[used] != '\n') {
    // The chunk was longer than it said.
    if (HttpEvent* const event = event_of(turn)) event->flags.set(Flag::bad_chunk);
    broken(turn, ParseError::http_bad_chunk, 0);
    message_over(turn);
    lose(turn.side);
    return used + 1;
  }
  if (HttpEvent* const event = event_of(turn)) event->body(turn.body()).wire += used + 1;
  turn.side.phase = Phase::chunk_size;
  turn.side.scan = {};
  return used + 1;
}

// A line of a body's framing: a chunk's size, or a trailer.
std::size_t HttpDissector::line(Turn& turn, Bytes bytes) noexcept {
  StreamSide& side = turn.side;
  const bool of_chunk = side.phase == Phase::chunk_size;
  if (of_chunk && side.scan.scanned == 0) {
    if (const std::size_t used = whole_chunks(turn, bytes); used != 0) return used;
  }
  const std::uint8_t* const end = find_line_end(bytes, side.scan.scanned);
  const std::size_t size = end != nullptr ? static_cast<std::size_t>(end - bytes.data()) + 1 : bytes.size();
  const std::size_t size_max = of_chunk ? chunk_line_bytes_max : trailer_bytes_max - side.scan.line;
  if (size > size_max) {
    if (HttpEvent* const event = event_of(turn)) event->flags.set(of_chunk ? Flag::bad_chunk : Flag::trailers);
    broken(turn, of_chunk ? ParseError::http_bad_chunk : ParseError::http_headers_too_long, 0);
    message_over(turn);
    lose(side);
    return 1;
  }
  if (end == nullptr) {
    side.scan.scanned = static_cast<std::uint32_t>(size);
    return 0;
  }
  const Bytes content = without_end(bytes.first(size));
  if (of_chunk) return chunk_size(turn, content, size);
  if (content.empty()) {
    message_over(turn);
    return size;
  }
  if (HttpEvent* const event = event_of(turn)) event->flags.set(Flag::trailers);
  side.scan = {0, side.scan.line + static_cast<std::uint32_t>(size)};
  return size;
}

std::size_t HttpDissector::chunk_size(Turn& turn, Bytes line, std::size_t used) noexcept {
  StreamSide& side = turn.side;
  HttpEvent* const event = event_of(turn);
  if (event != nullptr) event->body(turn.body()).wire += used;
  Flags flags;
  if (line.empty()) {
    // Some readers pass over an empty line before the size.
    if (event != nullptr) event->flags.set(Flag::odd_chunk);
    side.scan = {};
    return used;
  }
  std::uint64_t size = 0;
  const bool valid = read_chunk_size(text_of(line), size, flags);
  if (!valid) flags.set(Flag::bad_chunk);
  if (event != nullptr) event->flags.join(flags);
  if (!valid) {
    broken(turn, ParseError::http_bad_chunk, 0);
    message_over(turn);
    lose(side);
    return used;
  }
  if (size == 0) {
    side.phase = Phase::trailers;
    side.scan = {};
  } else {
    side.phase = Phase::chunk_data;
    side.left = size;
  }
  return used;
}

}  // namespace tsujiban::http
