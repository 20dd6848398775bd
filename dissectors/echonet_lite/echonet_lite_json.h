#pragma once
#include "base/json_writer.h"
#include "dissectors/echonet_lite/echonet_lite_event.h"
#include "dissectors/echonet_lite/echonet_lite_properties.h"
#include "output/privacy.h"

namespace tsujiban::echonet_lite {

// The most text that the object of one message takes; properties beyond it are counted in `properties_omitted`.
inline constexpr std::size_t json_bytes_max = 256 * 1024;
// Kept free behind the properties for the members that close the object.
inline constexpr std::size_t json_tail_bytes = 1024;

// With a mask that is on, a sensitive property has a pseudonym in place of `edt`
// and `value`, and nothing else of its value. Writes the members of `echonet_lite` up to the flags and `malformed`:
// everything but `response_ms`. The writer stands in the open object.
void write_frame(JsonWriter& writer, const FrameEvent& frame, const output::Mask* mask = nullptr) noexcept;

// Writes the members that say what `edt` means ("value", "unit", ...) into the open object of the property. Nothing for
// raw bytes; `size_mismatch` when the length is none that the property can have.
void write_value(JsonWriter& writer, const Property& property, Bytes edt) noexcept;

}  // namespace tsujiban::echonet_lite
