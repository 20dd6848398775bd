#pragma once
#include "dissectors/tls/tls_session.h"
#include "model/fact.h"

namespace tsujiban::tls {

// `certificate` is the server's, or null.
SecureSession secure_session_of(const Session& session, const Certificate* certificate) noexcept;

}  // namespace tsujiban::tls
