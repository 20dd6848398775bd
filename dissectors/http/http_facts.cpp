#include "dissectors/http/http_facts.h"

#include <algorithm>
#include <utility>

#include "dissect/login_fact.h"

namespace tsujiban::http {
namespace {

std::string_view without_last_dot(std::string_view host) noexcept {
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  return host;
}

bool is_token_request(const Head& request) noexcept {
  if (request.type != type_post) return false;
  std::string_view path = request[Field::url];
  path = path.substr(0, path.find('?'));
  return path.substr(0, path.find('#')).ends_with("/token");
}

}  // namespace

std::uint64_t url_hash_of(std::string_view host, std::string_view target) noexcept {
  char text[field_bytes_max + 1 + url_bytes_max];
  host = without_last_dot(host.substr(0, std::min(host.size(), field_bytes_max)));
  target = target.substr(0, std::min(target.find('#'), url_bytes_max));
  std::size_t size = host.size();
  if (size != 0) std::memcpy(text, host.data(), size);
  make_lower(text, size);
  if (target.empty() || target[0] != '/') text[size++] = '/';
  if (!target.empty()) std::memcpy(text + size, target.data(), target.size());
  size += target.size();
  return hash_bytes(HashSeed{}, {reinterpret_cast<const std::uint8_t*>(text), size});
}

void tell_request(const dissect::MessageContext& context, bool by_client, const Events& events, const HttpEvent& event,
                  dissect::RecordSink& sink) noexcept {
  Fact fact = dissect::fact_of(FactKind::web_request, AppProtocol::http, context);
  if (!by_client) {
    std::swap(fact.source, fact.destination);
    std::swap(fact.source_port, fact.destination_port);
    fact.to_group = false;
    fact.source_mac = context.packet != nullptr && context.packet->ethernet != nullptr
                          ? MacAddress::load(context.packet->ethernet)
                          : MacAddress{};
  }
  fact.web_request = {};
  WebRequest& told = fact.web_request;
  told.host = DomainName::of(without_last_dot(events.get(event, Field::host)));
  told.url_hash = event.url_hash;
  told.status = event.status;
  const HashSeed& seed = sink.seed();
  const std::uint64_t ends = hash_mix(hash_words(seed, fact.source.high, fact.source.low) ^ seed.a,
                                      hash_words(seed, fact.destination.high, fact.destination.low) ^ seed.b);
  const std::uint64_t place = hash_words(seed, hash_words(seed, told.host.hash, told.url_hash),
                                         ends ^ static_cast<std::uint64_t>(FactKind::web_request));
  if (sink.is_change(hash_words(seed, place, fact.segment.raw()), 0, report_repeat, context.time)) sink.fact(fact);
}

namespace {

bool contains_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  for (std::size_t i = 0; i + lower.size() <= text.size(); ++i) {
    if (equals_ignoring_case(text.substr(i, lower.size()), lower)) return true;
  }
  return false;
}

// A 401 that asks for the next step and refuses nobody: a nonce that is too old (RFC 7616, 3.3), the challenge of NTLM
// (its second message in base64, MS-NLMP, 2.2.1.2).
bool is_step(std::string_view response) noexcept {
  return response.find("TlRMTVNTUAAC") != std::string_view::npos || contains_ignoring_case(response, "stale=true") ||
         contains_ignoring_case(response, "stale=\"true\"");
}

}  // namespace

bool tries_login(const Head& request) noexcept {
  return !request[Field::authorization].empty() || is_token_request(request);
}

void note_login(HttpEvent& event, const Head& request) noexcept {
  event.credentials = !request[Field::authorization].empty();
  event.token_request = is_token_request(request);
  const std::string_view user = request[Field::authorization_user];
  event.user_hash = dissect::user_hash_of({reinterpret_cast<const std::uint8_t*>(user.data()), user.size()});
}

void tell_login(const dissect::MessageContext& context, const HttpEvent& event, Bytes response,
                dissect::RecordSink& sink) noexcept {
  if ((!event.credentials && !event.token_request) || !sink.wants(FactKind::login)) return;
  const std::uint16_t status = event.status;
  // Of a token request 400 is the refusal (RFC 6749, 5.2), whoever asks.
  const bool refused = status == 401 || (event.token_request ? status == 400 : status == 403);
  const bool granted = event.token_request ? status == 200 : status >= 200 && status < 300;
  if (!refused && !granted) return;
  if (status == 401 && is_step({reinterpret_cast<const char*>(response.data()), response.size()})) return;
  Login login{};
  login.outcome = refused ? Login::Outcome::failed : Login::Outcome::succeeded;
  login.code = status;
  login.user_hash = event.user_hash;
  dissect::tell_login(AppProtocol::http, context, login, sink);
}

}  // namespace tsujiban::http
