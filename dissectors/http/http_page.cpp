// OpenSSL's EVP interface allocates a context's state with every EVP_DigestInit; the older functions work on a
// structure of the caller's (as in src/output/digest.cpp).
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dissectors/http/http_page.h"

#include <algorithm>
#include <utility>

#include "dissect/message_fact.h"

namespace tsujiban::http {
namespace {

constexpr std::string_view opening = "<title", closing = "</title";

std::uint8_t lower(std::uint8_t c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c | 0x20) : c; }
bool is_space(std::uint8_t c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

void TitleReader::add(Bytes piece) noexcept {
  for (std::size_t at = 0; at < piece.size() && state_ != State::over; ++at) {
    if (read_ == title_search_bytes_max) {
      state_ = State::over;
      return;
    }
    const std::uint8_t c = piece[at];
    switch (state_) {
      case State::text:
        if (matched_ == 0 && c != '<') {
          // Most of a page is neither.
          const std::size_t left = std::min<std::size_t>(piece.size() - at, title_search_bytes_max - read_);
          const auto* const next = static_cast<const std::uint8_t*>(std::memchr(piece.data() + at, '<', left));
          const std::size_t passed = next == nullptr ? left : static_cast<std::size_t>(next - piece.data()) - at;
          read_ += static_cast<std::uint32_t>(passed);
          at += passed - 1;
          continue;
        }
        if (lower(c) == static_cast<std::uint8_t>(opening[matched_])) {
          if (++matched_ == opening.size()) state_ = State::tag;
        } else {
          matched_ = c == '<' ? 1 : 0;
        }
        break;
      case State::tag:
        // <titles> is another element.
        matched_ = 0;
        state_ = c == '>' ? State::title : is_space(c) || c == '/' ? State::attributes : State::text;
        if (state_ == State::text && c == '<') matched_ = 1;
        break;
      case State::attributes:
        if (c == '>') state_ = State::title;
        break;
      case State::title:
        if (lower(c) == static_cast<std::uint8_t>(closing[matched_])) {
          if (++matched_ == closing.size()) state_ = State::over;
          break;
        }
        for (std::size_t i = 0; i < matched_; ++i) put(static_cast<std::uint8_t>(closing[i]));
        matched_ = c == '<' ? 1 : 0;
        if (matched_ == 0) put(c);
        break;
      case State::over:
        break;
    }
    ++read_;
  }
}

std::uint64_t TitleReader::hash() const noexcept {
  if (state_ != State::over && state_ != State::title) return 0;
  if (state_ == State::over && matched_ != closing.size()) return 0;
  std::uint8_t text[title_bytes_max];
  std::size_t size = 0;
  bool space = false;
  for (std::size_t i = 0; i < size_; ++i) {
    if (is_space(title_[i])) {
      space = size != 0;
      continue;
    }
    if (space) text[size++] = ' ';
    space = false;
    text[size++] = title_[i];
  }
  return hash_bytes(HashSeed{}, {text, size}) | 1;
}

std::uint16_t Pages::open() noexcept {
  static_assert(pages_max < 0xFFFF);
  const std::uint32_t index = pages_.allocate();
  if (index == 0) return 0;
  Page& page = pages_[index];
  SHA256_Init(&page.digest);
  page.bytes = 0;
  page.title.begin();
  return static_cast<std::uint16_t>(index);
}

void Pages::add(HttpEvent& event, Bytes piece) noexcept {
  Page& page = pages_[event.page];
  SHA256_Update(&page.digest, piece.data(), piece.size());
  page.bytes += piece.size();
  page.title.add(piece);
}

void Pages::tell(const dissect::MessageContext& context, const HttpEvent& event, dissect::RecordSink& sink) noexcept {
  Page& page = pages_[event.page];
  std::uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &page.digest);
  Fact fact = dissect::fact_of(FactKind::web_page, AppProtocol::http, context);
  std::swap(fact.source, fact.destination);
  std::swap(fact.source_port, fact.destination_port);
  fact.to_group = false;
  fact.source_mac = context.packet != nullptr && context.packet->ethernet != nullptr
                        ? MacAddress::load(context.packet->ethernet)
                        : MacAddress{};
  fact.web_page = {event.url_hash, load_be64(digest), page.title.hash(), page.bytes, event.status};
  sink.fact(fact);
}

}  // namespace tsujiban::http
