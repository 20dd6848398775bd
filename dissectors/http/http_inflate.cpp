#include "dissectors/http/http_inflate.h"

#include <cstring>

namespace tsujiban::http {
namespace {

constexpr int window_bits = 15, gzip_offset = 16;

void free_nothing(void*, void*) noexcept {}

}  // namespace

Inflators::Inflators() : slots_(inflators_max), output_(inflate_piece_bytes) {}

// From the slot, which is given back whole.
void* Inflators::allocate(void* slot, unsigned count, unsigned size) noexcept {
  Slot& self = *static_cast<Slot*>(slot);
  const std::size_t bytes = (std::size_t{count} * size + 15) & ~std::size_t{15};
  if (bytes > arena_bytes - self.arena_used) return nullptr;
  void* const at = self.arena + self.arena_used;
  self.arena_used += bytes;
  return at;
}

std::uint32_t Inflators::open(Coding coding, std::uint32_t allowance) noexcept {
  const std::uint32_t index = slots_.allocate();
  if (index == 0) return 0;
  Slot& slot = slots_[index];
  slot.output = slot.input = 0;
  slot.arena_used = 0;
  slot.allowance = allowance;
  slot.coding = coding;
  slot.begun = slot.ended = slot.padding = false;
  return index;
}

void Inflators::close(std::uint32_t index) noexcept { slots_.release(index); }

void Inflators::set_input(Slot& slot, Bytes input) noexcept {
  // zlib only reads it; its field has no const unless ZLIB_CONST is defined for every file that includes it.
  slot.stream.next_in = const_cast<Bytef*>(input.data());
  slot.stream.avail_in = static_cast<uInt>(input.size());
  slot.input += input.size();
}

bool Inflators::begin(Slot& slot) noexcept {
  Bytef* const next_in = slot.stream.next_in;
  const uInt avail_in = slot.stream.avail_in;
  slot.stream = {};
  slot.stream.zalloc = &Inflators::allocate;
  slot.stream.zfree = &free_nothing;
  slot.stream.opaque = &slot;
  slot.stream.next_in = next_in;
  slot.stream.avail_in = avail_in;
  // RFC 1950, 2.2: CM 8 with a window of at most 32 KiB; anything else is deflate without its wrapping.
  const bool wrapped = (next_in[0] & 0x0F) == 8 && next_in[0] >> 4 <= 7;
  const int bits = slot.coding == Coding::gzip ? window_bits + gzip_offset : wrapped ? window_bits : -window_bits;
  slot.begun = inflateInit2(&slot.stream, bits) == Z_OK;
  return slot.begun;
}

InflateEnd Inflators::step(Slot& slot, std::uint64_t limit, Bytes& output) noexcept {
  if (slot.padding) return InflateEnd::done;
  std::uint8_t* const out = output_.data();
  slot.stream.next_out = out;
  std::size_t produced = 0;
  while (true) {
    if (slot.stream.avail_in == 0 && (!slot.begun || slot.ended)) break;
    if (!slot.begun) {
      if (!begin(slot)) return InflateEnd::no_memory;
    } else if (slot.ended) {
      // Another member (RFC 1952, 2.2); what is no member is padding, and read by nobody.
      if (slot.coding != Coding::gzip || slot.stream.next_in[0] != 0x1F) {
        slot.padding = true;
        return InflateEnd::done;
      }
      inflateReset(&slot.stream);
      slot.ended = false;
    }
    slot.stream.next_out = out + produced;
    // One byte beyond the limit tells that it is passed.
    const std::uint64_t room = limit + 1 - slot.output;
    slot.stream.avail_out = static_cast<uInt>(std::min<std::uint64_t>(inflate_piece_bytes - produced, room));
    const int result = inflate(&slot.stream, Z_NO_FLUSH);
    const auto now = static_cast<std::size_t>(slot.stream.next_out - out);
    slot.output += now - produced;
    produced = now;
    output = {out, produced};
    if (slot.output > limit) {
      output = {out, produced - 1};
      return InflateEnd::bomb;
    }
    if (slot.output > inflate_output_max) return InflateEnd::limit;
    if (result == Z_STREAM_END) {
      slot.ended = true;
      continue;
    }
    if (result == Z_MEM_ERROR) return InflateEnd::no_memory;
    if (result != Z_OK && result != Z_BUF_ERROR) return InflateEnd::broken;
    break;  // The input is used up or the piece is full.
  }
  output = {out, produced};
  return InflateEnd::more;
}

}  // namespace tsujiban::http
