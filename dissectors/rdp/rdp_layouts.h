#pragma once
#include <cstdint>
#include <string_view>

namespace tsujiban::rdp {

// "ja-JP" of 0x0411; empty where the table has none.
std::string_view name_of_layout(std::uint32_t id) noexcept;
// The Windows that a client's build number is of, in Suricata's words; empty where the table has none.
std::string_view name_of_build(std::uint32_t build) noexcept;

}  // namespace tsujiban::rdp
