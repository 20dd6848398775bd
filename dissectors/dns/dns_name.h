#pragma once
#include "base/json_writer.h"
#include "dissectors/dns/dns_event.h"
#include "model/fact.h"

namespace tsujiban::dns {

// A name as Suricata writes it: the labels' bytes joined by dots, nothing for the root. Dots within a label stay bare.
struct NameText {
  std::array<char, name_bytes_max> text;
  std::uint32_t size = 0;
  std::string_view view() const noexcept { return {text.data(), size}; }
};
NameText name_text(Bytes message, std::uint32_t at) noexcept;

// The name as facts carry it; `label_bytes_max` is set to the length of its longest label.
DomainName domain_name(Bytes message, std::uint32_t at, std::uint8_t& label_bytes_max) noexcept;

// Writes text of the wire as Suricata does: as it is where it is UTF-8, else with \xHH for every byte above 0x7F.
void write_text(JsonWriter& writer, std::string_view text) noexcept;

}  // namespace tsujiban::dns
