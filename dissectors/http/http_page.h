#pragma once
#include <openssl/sha.h>

#include "base/pool.h"
#include "dissect/dissector.h"
#include "dissectors/http/http_event.h"

namespace tsujiban::http {

inline constexpr std::uint32_t pages_max = 64;                 // Watched pages under way at a time, of a worker.
inline constexpr std::size_t title_bytes_max = 512;            // A longer title is told by its beginning.
inline constexpr std::size_t title_search_bytes_max = 65'536;  // Of a body; who titles a page does it in its head.

// The first title of a page of HTML as it comes, in pieces of any size (HTML, 13.2.5.2: what stands in <title> is text
// up to </title>).
class TitleReader {
 public:
  void begin() noexcept {
    state_ = State::text;
    matched_ = 0;
    size_ = 0;
    read_ = 0;
  }
  void add(Bytes piece) noexcept;
  // Unkeyed, of the title without the white space around it, and with one space for each within; 0: there is none.
  std::uint64_t hash() const noexcept;

 private:
  enum class State : std::uint8_t { text, tag, attributes, title, over };
  void put(std::uint8_t byte) noexcept {
    if (size_ < title_bytes_max) title_[size_++] = byte;
  }

  State state_;
  std::uint8_t matched_;  // Of the tag that is looked for.
  std::uint16_t size_;
  std::uint32_t read_;  // Bytes of the body.
  std::uint8_t title_[title_bytes_max];
};

// The bodies of watched pages that are under way: each is digested as it comes, and told when it is whole.
class Pages {
 public:
  Pages() : pages_(pages_max) {}
  std::uint16_t open() noexcept;  // 0: there is no room.
  void add(HttpEvent& event, Bytes piece) noexcept;
  void drop(HttpEvent& event) noexcept {
    if (event.page != 0) pages_.release(event.page);
    event.page = 0;
  }
  // The fact of a page that came whole. `context` is the server's.
  void tell(const dissect::MessageContext& context, const HttpEvent& event, dissect::RecordSink& sink) noexcept;
  std::uint32_t size() const noexcept { return pages_.size(); }

 private:
  // SHA-256, because whoever changes a page may choose its bytes: nothing weaker says that two are the same.
  struct Page {
    SHA256_CTX digest;
    std::uint64_t bytes;
    TitleReader title;
    Page() noexcept {}  // NOLINT: `open` fills it.
  };
  Pool<Page> pages_;
};

// Counts what comes out of a content coding, and hands it to whoever reads the page.
class BodyReader final : public BodyConsumer {
 public:
  explicit BodyReader(Pages& pages) noexcept : pages_(pages) {}
  void piece(HttpEvent& event, BodyOf of, Bytes decoded) noexcept override {
    event.body(of).decoded += decoded.size();
    if (of == BodyOf::response && event.page != 0) pages_.add(event, decoded);
  }
  void over(HttpEvent& event, BodyOf of, bool whole) noexcept override { event.body(of).decoded_whole = whole; }

 private:
  Pages& pages_;
};

}  // namespace tsujiban::http
