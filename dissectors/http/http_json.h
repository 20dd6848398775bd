#pragma once
#include "base/json_writer.h"
#include "dissectors/http/http_event.h"

namespace tsujiban::output {
class Mask;
}

namespace tsujiban::http {

// The members of the record's `http` object.
void write_event(JsonWriter& json, const Events& events, const HttpEvent& event, const output::Mask* mask) noexcept;

}  // namespace tsujiban::http
