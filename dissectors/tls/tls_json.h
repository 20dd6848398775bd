#pragma once
#include "base/json_writer.h"
#include "dissectors/tls/tls_session.h"
#include "output/privacy.h"

namespace tsujiban::tls {

inline constexpr unsigned alternatives_written_max = 64;

// The members of the object `tls`. `server` and `client` are their first certificates, or null. With a mask that is on,
// what a client's certificate says of its owner has pseudonyms, and of a server in the home (`private_server`) its
// names too: such devices are named after their owner or serial number. Public servers' names are everybody's.
void write_session(JsonWriter& writer, const Session& session, const Certificate* server, const Certificate* client,
                   PacketTime now, const output::Mask* mask = nullptr, bool private_server = false) noexcept;

}  // namespace tsujiban::tls
