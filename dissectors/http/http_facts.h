#pragma once
#include "dissect/dissector.h"
#include "dissectors/http/http_event.h"

namespace tsujiban::http {

// WebRequest::url_hash: of the host in lower case without port and last dot, '/', and what follows it in `target` up to
// a fragment. `target` is a request's, in origin form, or what an absolute one has behind its authority (RFC 9112,
// 3.2).
std::uint64_t url_hash_of(std::string_view host, std::string_view target) noexcept;

// The fact of one request whose response or end has come, if it is news. `by_client`: the client's bytes are what
// `context` is about.
void tell_request(const dissect::MessageContext& context, bool by_client, const Events& events, const HttpEvent& event,
                  dissect::RecordSink& sink) noexcept;

// Whether a request brings credentials, or asks for a token in exchange for some (RFC 6749, 4).
bool tries_login(const Head& request) noexcept;
// Notes in `event` whether its request is an attempt to log in.
void note_login(HttpEvent& event, const Head& request) noexcept;
// The outcome of that attempt. `context` is the response's, `response` its head.
void tell_login(const dissect::MessageContext& context, const HttpEvent& event, Bytes response,
                dissect::RecordSink& sink) noexcept;

}  // namespace tsujiban::http
