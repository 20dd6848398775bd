#pragma once
#include "base/json_writer.h"
#include "dissectors/dhcp/dhcp_event.h"

namespace tsujiban::dhcp {

// Writes the members of the object `dhcp` (README.md). The writer stands in the open object.
void write_event(JsonWriter& writer, const Event& event) noexcept;

}  // namespace tsujiban::dhcp
