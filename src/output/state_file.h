#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace tsujiban::output {

// What is kept over a restart, as one file:
//   0               14        16       24         32
//   | TSUJIBAN-STATE | version | length | checksum | state ...      little-endian; length counts the state
// The checksum is over version, length and state. It finds damage, not forgery: who may write the file may write
// another.
inline constexpr std::uint16_t state_file_version = 1;
inline constexpr std::size_t state_header_bytes = 32;
inline constexpr std::uint64_t state_bytes_max = std::uint64_t{1} << 30;
inline constexpr unsigned damaged_files_max = 10;  // `<path>.damaged`, then `.damaged.1` to `.damaged.9`.

// Replaces the file at `path` at once: the state is written beside it (`<path>.new`), made durable, and renamed. A
// crash or a full disk leaves the old file. Its mode is 0600. On failure returns false with one line in `error`.
bool write_state(const std::string& path, Bytes state, std::string& error);

enum class StateRead : std::uint8_t {
  absent,      // No such file: a first start.
  ok,          // `out` has the state.
  damaged,     // Cut, changed, or of another version: renamed, so that the next save does not destroy it.
  unreadable,  // The system refuses it, or it is no regular file (a symbolic link neither). It is left as it is.
};
// `message` is one line for people with `damaged` and `unreadable`, else empty; `out` is empty but with `ok`.
StateRead read_state(const std::string& path, std::vector<std::uint8_t>& out, std::string& message);

}  // namespace tsujiban::output
