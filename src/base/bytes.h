#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tsujiban {

// A view of bytes; never owns. Whoever hands it out says how long it lives (a packet's bytes: until its batch goes
// back).
using Bytes = std::span<const std::uint8_t>;

static_assert(std::endian::native == std::endian::little, "the loads below are written for little-endian machines");

// Unaligned loads. The caller has checked that `offset` and the width lie inside `bytes`.
template <class T>
inline T load_raw(const std::uint8_t* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
inline std::uint16_t load_be16(const std::uint8_t* at) noexcept {
  return __builtin_bswap16(load_raw<std::uint16_t>(at));
}
inline std::uint32_t load_be32(const std::uint8_t* at) noexcept {
  return __builtin_bswap32(load_raw<std::uint32_t>(at));
}
inline std::uint64_t load_be64(const std::uint8_t* at) noexcept {
  return __builtin_bswap64(load_raw<std::uint64_t>(at));
}
inline std::uint16_t load_le16(const std::uint8_t* at) noexcept { return load_raw<std::uint16_t>(at); }
inline std::uint32_t load_le32(const std::uint8_t* at) noexcept { return load_raw<std::uint32_t>(at); }
inline std::uint64_t load_le64(const std::uint8_t* at) noexcept { return load_raw<std::uint64_t>(at); }
inline std::uint32_t load_be24(const std::uint8_t* at) noexcept {
  return std::uint32_t{at[0]} << 16 | std::uint32_t{at[1]} << 8 | at[2];
}
inline std::uint16_t load_be16(Bytes bytes, std::size_t offset) noexcept { return load_be16(bytes.data() + offset); }
inline std::uint32_t load_be24(Bytes bytes, std::size_t offset) noexcept { return load_be24(bytes.data() + offset); }
inline std::uint32_t load_be32(Bytes bytes, std::size_t offset) noexcept { return load_be32(bytes.data() + offset); }
inline std::uint16_t load_le16(Bytes bytes, std::size_t offset) noexcept { return load_le16(bytes.data() + offset); }
inline std::uint32_t load_le32(Bytes bytes, std::size_t offset) noexcept { return load_le32(bytes.data() + offset); }

inline void store_be16(std::uint8_t* at, std::uint16_t value) noexcept {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store_be32(std::uint8_t* at, std::uint32_t value) noexcept {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace tsujiban
