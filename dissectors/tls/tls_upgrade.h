#pragma once
#include "base/bytes.h"

namespace tsujiban::tls {

// Whether a piece of a stream is of a protocol in which both sides may agree to go on in TLS: SMTP's greeting, EHLO and
// STARTTLS (RFC 3207), XMPP's stream header, features, <starttls/> and <proceed/> (RFC 6120, 5.4). It only says that
// the pieces behind it are worth a look; TLS begins where one is a TLS record.
bool may_upgrade(Bytes piece) noexcept;

}  // namespace tsujiban::tls
