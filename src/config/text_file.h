#pragma once
#include <cstdint>
#include <string>

namespace tsujiban::config {

// Reads a whole file of text. Empty on success; else what is wrong, without the path: not there, no permission, a
// folder, no ordinary file, larger than `bytes_max`.
std::string read_text_file(const std::string& path, std::uint64_t bytes_max, std::string& text);

}  // namespace tsujiban::config
