#pragma once
#include "base/json_writer.h"
#include "dissectors/modbus/modbus_message.h"

namespace tsujiban::modbus {

// Writes the members of `modbus` for one transaction; either side may be null. The writer stands in the open object.
// `id`: the transaction's place in its stream, from 1.
void write_transaction(JsonWriter& writer, std::uint64_t id, const Adu* request, const Adu* response) noexcept;

}  // namespace tsujiban::modbus
