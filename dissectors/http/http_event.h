#pragma once
#include <cstring>

#include "base/pool.h"
#include "dissectors/http/http_wire.h"

namespace tsujiban::http {

inline constexpr std::size_t text_bytes_max = 800;             // Of one transaction, in its own slot.
inline constexpr std::size_t long_text_bytes_max = 12 * 1024;  // Of one whose texts are longer.
inline constexpr std::uint32_t long_texts_max = 1024;          // So many at a time; the others' texts are cut.
inline constexpr std::size_t url_bytes_max = start_line_bytes_max;
inline constexpr std::size_t field_bytes_max = 2 * 1024;  // Of every other text.

enum class BodyOf : std::uint8_t { request, response };

struct LongText {
  char text[long_text_bytes_max];
  LongText() noexcept {}  // NOLINT: 12 KiB of zeros are of no use.
};

// One request and its response, as far as they have come.
struct HttpEvent {
  struct Text {
    std::uint16_t offset = 0, size = 0;
  };
  // What became of one body.
  struct Body {
    std::uint64_t wire = 0;     // Bytes with the lines of chunks, as Suricata counts them.
    std::uint64_t entity = 0;   // Without them.
    std::uint64_t decoded = 0;  // After the content coding.
    bool decoded_whole = false;
  };
  std::uint32_t next = 0;       // Of the stream's outstanding ones.
  std::uint32_t long_text = 0;  // Where all texts are, when they are not in `text`.
  std::uint32_t transaction = 0;
  std::int32_t port = -1;
  std::uint64_t url_hash = 0;  // WebRequest::url_hash, where that fact is wanted and the request names a URL.
  Flags flags;
  std::array<Body, 2> bodies{};  // By BodyOf.
  std::array<Text, field_count> fields{};
  std::uint16_t text_used = 0;
  std::uint16_t status = 0;
  std::uint16_t interim = 0;  // Responses 1xx before the final one.
  std::uint16_t page = 0;     // Of Pages, while the body of a watched page is read; 0: none.
  bool has_response = false, chunked_response = false;
  bool cookie = false, set_cookie = false;
  bool credentials = false;     // The request has an Authorization.
  bool token_request = false;   // It asks an OAuth server for a token (RFC 6749, 3.2).
  std::uint64_t user_hash = 0;  // Login::user_hash, of Basic.
  char text[text_bytes_max];

  HttpEvent() noexcept {}  // NOLINT: `text` holds nothing until `text_used` says so.
  Body& body(BodyOf of) noexcept { return bodies[static_cast<std::size_t>(of)]; }
  const Body& body(BodyOf of) const noexcept { return bodies[static_cast<std::size_t>(of)]; }
};

// The transactions of a worker's streams.
class Events {
 public:
  explicit Events(std::uint32_t capacity) : events_(capacity), long_texts_(long_texts_max) {}
  std::uint32_t make() noexcept { return events_.allocate(); }
  void release(std::uint32_t index) noexcept {
    if (events_[index].long_text != 0) long_texts_.release(events_[index].long_text);
    events_.release(index);
  }
  HttpEvent& operator[](std::uint32_t index) noexcept { return events_[index]; }
  std::uint32_t size() const noexcept { return events_.size(); }

  void put(HttpEvent& event, Field field, std::string_view value) noexcept {
    if (value.empty()) return;
    const std::size_t limit = field == Field::url ? url_bytes_max : field_bytes_max;
    std::size_t size = std::min(value.size(), limit);
    if (event.long_text == 0 && event.text_used + size > text_bytes_max) {
      event.long_text = long_texts_.allocate();
      if (event.long_text != 0) std::memcpy(long_texts_[event.long_text].text, event.text, event.text_used);
    }
    const std::size_t capacity = event.long_text != 0 ? long_text_bytes_max : text_bytes_max;
    size = std::min(size, capacity - event.text_used);
    if (size < value.size()) event.flags.set(Flag::text_cut);
    char* const at = (event.long_text != 0 ? long_texts_[event.long_text].text : event.text) + event.text_used;
    std::memcpy(at, value.data(), size);
    if (field == Field::host) make_lower(at, size);  // As Suricata writes it (RFC 9110, 4.2.3).
    event.fields[static_cast<std::size_t>(field)] = {event.text_used, static_cast<std::uint16_t>(size)};
    event.text_used = static_cast<std::uint16_t>(event.text_used + size);
  }
  // Empty where the message has no such text.
  std::string_view get(const HttpEvent& event, Field field) const noexcept {
    const HttpEvent::Text at = event.fields[static_cast<std::size_t>(field)];
    return {(event.long_text != 0 ? long_texts_[event.long_text].text : event.text) + at.offset, at.size};
  }

 private:
  Pool<HttpEvent> events_;
  Pool<LongText> long_texts_;
};

// Who reads bodies: gets each piece of a request's or response's body as it comes, without chunk lines and inflated
// where its content coding is known. The bytes live until the call returns.
class BodyConsumer {
 public:
  virtual void piece(HttpEvent& event, BodyOf of, Bytes decoded) noexcept = 0;
  // `whole`: every byte of it was told, in order.
  virtual void over(HttpEvent& event, BodyOf of, bool whole) noexcept = 0;

 protected:
  ~BodyConsumer() = default;
};

}  // namespace tsujiban::http
