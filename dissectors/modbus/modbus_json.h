#pragma once
#include "base/json_writer.h"
#include "dissectors/modbus/modbus_message.h"
#include "output/privacy.h"

namespace tsujiban::modbus {

// Writes the members of `modbus` for one transaction; either side may be null. The writer stands in the open object.
// With a mask that is on, values are pseudonyms: they are readings and settings of somebody's home.
// `id`: the transaction's place in its stream, from 1.
void write_transaction(JsonWriter& writer, std::uint64_t id, const Adu* request, const Adu* response,
                       const output::Mask* mask = nullptr) noexcept;

}  // namespace tsujiban::modbus
