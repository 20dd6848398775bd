#pragma once
#include <cstdint>
#include <string>

namespace tsujiban::config {

// Reads a whole file of text. Empty on success; else what is wrong, without the path: not there, no permission, a
// folder, no ordinary file, larger than `bytes_max`.
std::string read_text_file(const std::string& path, std::uint64_t bytes_max, std::string& text);

// The same for a file that holds a secret: one that everybody may read, or others than its owner may write, is refused.
std::string read_secret_file(const std::string& path, std::uint64_t bytes_max, std::string& text);

}  // namespace tsujiban::config
