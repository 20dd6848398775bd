#pragma once
#include "base/json_writer.h"
#include "dissectors/tls/tls_session.h"

namespace tsujiban::tls {

inline constexpr unsigned alternatives_written_max = 64;

// The members of the object `tls`. `server` and `client` are their first certificates, or null.
void write_session(JsonWriter& writer, const Session& session, const Certificate* server, const Certificate* client,
                   PacketTime now) noexcept;

}  // namespace tsujiban::tls
