#pragma once
#include <array>
#include <initializer_list>
#include <string_view>

#include "base/bytes.h"

namespace tsujiban::ssh {

using Md5 = std::array<std::uint8_t, 16>;

// MD5 of the texts joined by semicolons: HASSH and HASSHServer (Salesforce, hassh, "How it works"). No allocation.
Md5 hassh_of(std::initializer_list<std::string_view> lists) noexcept;

}  // namespace tsujiban::ssh
