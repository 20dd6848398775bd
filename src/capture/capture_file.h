#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "capture/source.h"

namespace tsujiban::capture {

// Files of one run: RawPacket::input has 16 bits.
inline constexpr std::size_t inputs_max = 65'536;
// Damages that are told one by one; further ones are counted.
inline constexpr std::size_t damages_max = 16;

// Opens captures to be read one after another: files, folders (their files by the time of the first packet, then by
// name; folders within are not entered) and "-" for standard input. pcap and pcapng, plain or in gzip or zstd, told by
// content.
//
// Null when a path cannot be opened or is no capture: `error` is one line, `path: what is wrong`. A file of a folder
// that is no capture is told as damage, and so is damage within a file: the other files are read all the same, and the
// source ends with `damaged`. `damage()` has one line each, up to damages_max, and one that counts the rest.
//
// Reading blocks while a pipe is silent; `next` returns as soon as one packet is there. Opening the next file
// allocates, walking a plain file does not.
std::unique_ptr<PacketSource> open_capture(std::span<const std::string> paths, std::string& error);

// Whether open_capture gives the same packets with the same numbers however often it is called: all paths are plain
// files, or folders of such. Then each worker can walk them by itself.
bool can_reopen(std::span<const std::string> paths);

}  // namespace tsujiban::capture
