#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "dissectors/http/http_text.h"

namespace tsujiban::http {

inline constexpr std::size_t start_line_bytes_max = 8 * 1024;  // Without its line end.
inline constexpr std::size_t header_bytes_max = 64 * 1024;     // All header lines of a message, with the empty one.
inline constexpr std::size_t head_bytes_max = start_line_bytes_max + 2 + header_bytes_max;
inline constexpr std::size_t headers_max = 100;      // More are told; what frames the body is read of all of them.
inline constexpr std::size_t method_bytes_max = 32;  // Longer: not the start of a request.
inline constexpr std::size_t chunk_line_bytes_max = 4 * 1024;
inline constexpr std::size_t trailer_bytes_max = header_bytes_max;
inline constexpr std::uint64_t body_bytes_max = std::uint64_t{1} << 60;  // A length above is none that can be.

// Forms that two readers of one message may understand differently, and what became of a transaction. Their names are
// in the record's `flags`.
#define TSUJIBAN_HTTP_FLAGS(row)                                                                                       \
  row(te_and_cl) row(lengths_repeated) row(lengths_differ) row(length_invalid) row(te_not_chunked) row(folded_header)  \
      row(lf_line) row(bare_cr) row(space_before_colon) row(bad_header) row(too_many_headers) row(absolute_form)       \
          row(encoded_nul) row(double_encoding) row(dot_segments) row(userinfo) row(host_differs) row(host_repeated)   \
              row(no_version) row(odd_version) row(odd_start_line) row(odd_status) row(chunk_extension) row(odd_chunk) \
                  row(trailers) row(bad_chunk) row(bad_encoding) row(bomb) row(not_inflated) row(inflate_limit)        \
                      row(no_request) row(request_unfinished) row(incomplete) row(gap) row(gave_way) row(text_cut)
enum class Flag : std::uint8_t {
#define TSUJIBAN_ROW(name) name,
  TSUJIBAN_HTTP_FLAGS(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
      count_
};
std::string_view name_of(Flag flag) noexcept;

class Flags {
 public:
  constexpr void set(Flag flag) noexcept { bits_ |= std::uint64_t{1} << static_cast<unsigned>(flag); }
  constexpr bool has(Flag flag) const noexcept { return (bits_ >> static_cast<unsigned>(flag) & 1) != 0; }
  constexpr void join(Flags other) noexcept { bits_ |= other.bits_; }
  constexpr std::uint64_t bits() const noexcept { return bits_; }
  bool operator==(const Flags&) const noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};

// The texts of a transaction that a record shows or that frame its bodies.
enum class Field : std::uint8_t {
  method,
  url,
  protocol,
  host,
  user_agent,
  referer,
  forwarded_for,
  authorization,        // The scheme.
  authorization_user,   // Of Basic.
  proxy_authorization,  // The scheme.
  request_content_type,
  request_transfer_encoding,
  request_content_encoding,
  status_text,  // Where it is no number.
  content_type,
  content_range,
  location,
  server,
  date,
  www_authenticate,  // The scheme.
  upgrade,
  transfer_encoding,
  content_encoding,
  count_
};
inline constexpr std::size_t field_count = static_cast<std::size_t>(Field::count_);

enum class Coding : std::uint8_t { identity, gzip, deflate, other };

// What one message begins with, as views of its bytes or of `Scratch`.
struct Head {
  std::array<std::string_view, field_count> fields{};
  std::int64_t content_length = -1;
  Flags flags;
  std::uint32_t bad_header_offset = 0;
  std::uint16_t headers = 0;
  std::uint16_t status = 0;
  std::uint8_t type = 0;  // type_of_method, type_of_status.
  Coding coding = Coding::identity;
  bool has_transfer_encoding = false, chunked = false;
  bool version1 = false;  // HTTP/1.x, or none said.
  bool cookie = false;
  bool operator==(const Head&) const noexcept = default;
  std::string_view& operator[](Field field) noexcept { return fields[static_cast<std::size_t>(field)]; }
  std::string_view operator[](Field field) const noexcept { return fields[static_cast<std::size_t>(field)]; }
};

// Where a value goes that does not stand in one piece: folded, repeated or decoded. Begun anew for each head.
class Scratch {
 public:
  Scratch(char* begin, std::size_t capacity) noexcept : at_(begin), left_(capacity) {}
  // Room for `size` characters, or null.
  char* take(std::size_t size) noexcept {
    if (size > left_) return nullptr;
    char* const taken = at_;
    at_ += size;
    left_ -= size;
    return taken;
  }

 private:
  char* at_;
  std::size_t left_;
};
inline constexpr std::size_t scratch_bytes = 2 * head_bytes_max;

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept;
void make_lower(char* text, std::size_t size) noexcept;

// Whether `line` (without its end) can be a request line: a token, a space and a target, and either a known method or
// the word HTTP.
bool is_request_line(std::string_view line) noexcept;
// Whether bytes that are not a whole line yet can begin one; a short prefix of one can.
bool can_begin_request(Bytes bytes) noexcept;
bool can_begin_response(Bytes bytes) noexcept;

// How much of a head is taken out of it.
enum class Depth : std::uint8_t {
  framing,  // Where the message ends.
  facts,    // Also whom a request is meant for, and its credentials.
  records,  // Also what only a record shows.
};
// Reads a whole head, from the start line to the empty line.
void read_request(Bytes head, Depth depth, Scratch& scratch, Head& out) noexcept;
void read_response(Bytes head, Depth depth, Scratch& scratch, Head& out) noexcept;
// The same in one pass over bytes whose end is not known yet, for heads as almost everybody writes them: lines that end
// with CR LF, one space between the words of the start line, names of letters, digits and "-", nothing folded. How long
// the head is; 0: it is not whole or not plain, and what is in `out` and `scratch` is of no use.
std::size_t read_plain_request(Bytes bytes, Depth depth, Scratch& scratch, Head& out) noexcept;
std::size_t read_plain_response(Bytes bytes, Depth depth, Scratch& scratch, Head& out) noexcept;

// Where a message whose place was lost may go on: the request whose start line holds " HTTP/1." at `version`. The
// offset of its method, or `npos`. Only registered methods count.
std::size_t request_before(Bytes bytes, std::size_t version) noexcept;
inline constexpr std::string_view request_mark = " HTTP/1.", response_mark = "HTTP/1.";
inline constexpr std::size_t response_start_bytes = 12;  // HTTP/1.1 200
bool is_response_start(Bytes bytes) noexcept;            // Of so many bytes.

// A chunk's size line without its end (RFC 9112, 7.1). False: no size.
bool read_chunk_size(std::string_view line, std::uint64_t& size, Flags& flags) noexcept;

// The counter of a method or status class in messages_total.
inline constexpr std::uint8_t type_head = 1, type_post = 2, type_connect = 5, type_other_method = 9;
bool is_known_method(std::string_view method) noexcept;
std::uint8_t type_of_method(std::string_view method) noexcept;
std::uint8_t type_of_status(std::uint16_t status) noexcept;

// Host and port of an authority (RFC 3986, 3.2) without user information; `port` -1 where there is none or no number.
std::string_view host_of(std::string_view authority, std::int32_t& port) noexcept;
// The authority of an absolute URL; empty where it is none.
std::string_view authority_of(std::string_view url) noexcept;

}  // namespace tsujiban::http
