#include "capture/byte_stream.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace tsujiban::capture {
namespace {

constexpr std::size_t magic_bytes = 4;

bool is_gzip(Bytes first) noexcept { return first.size() >= 2 && first[0] == 0x1f && first[1] == 0x8b; }

// A frame, or a skippable frame (RFC 8878, 3.1.2), whose magic numbers differ in their last four bits.
bool is_zstd(Bytes first) noexcept {
  if (first.size() < magic_bytes) return false;
  const std::uint32_t magic = load_le32(first.data());
  return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

class DescriptorStream final : public ByteStream {
 public:
  explicit DescriptorStream(int descriptor) noexcept : descriptor_(descriptor) {}
  DescriptorStream(const DescriptorStream&) = delete;
  DescriptorStream& operator=(const DescriptorStream&) = delete;
  ~DescriptorStream() override { close(descriptor_); }
  std::ptrdiff_t read(std::span<std::uint8_t> to) noexcept override {
    while (error_ == 0) {
      const ssize_t got = ::read(descriptor_, to.data(), to.size());
      if (got >= 0) {
        raw_bytes_ += static_cast<std::uint64_t>(got);
        return got;
      }
      if (errno != EINTR) error_ = errno;
    }
    return -1;
  }
  std::string error() const override { return std::string("cannot be read: ") + std::strerror(error_); }
  std::uint64_t raw_bytes() const noexcept override { return raw_bytes_; }

 private:
  int descriptor_;
  int error_ = 0;
  std::uint64_t raw_bytes_ = 0;
};

class MemoryStream final : public ByteStream {
 public:
  MemoryStream(Bytes bytes, std::size_t piece_bytes) noexcept : bytes_(bytes), piece_bytes_(piece_bytes) {}
  std::ptrdiff_t read(std::span<std::uint8_t> to) noexcept override {
    const std::size_t got = std::min({bytes_.size() - at_, to.size(), piece_bytes_});
    if (got != 0) std::memcpy(to.data(), bytes_.data() + at_, got);
    at_ += got;
    return static_cast<std::ptrdiff_t>(got);
  }
  std::string error() const override { return {}; }
  std::uint64_t raw_bytes() const noexcept override { return at_; }

 private:
  Bytes bytes_;
  std::size_t piece_bytes_;
  std::size_t at_ = 0;
};

// What the three streams over another stream share: a buffer of its bytes, of which the first ones were already read.
class BufferedStream : public ByteStream {
 public:
  BufferedStream(std::unique_ptr<ByteStream> raw, Bytes first)
      : raw_(std::move(raw)), buffer_(compressed_buffer_bytes), end_(first.size()) {
    std::copy(first.begin(), first.end(), buffer_.begin());
  }
  std::string error() const override { return error_ == nullptr ? raw_->error() : error_; }
  std::uint64_t raw_bytes() const noexcept override { return raw_->raw_bytes(); }

 protected:
  Bytes pending() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  void take(std::size_t bytes) noexcept { begin_ += bytes; }
  // Makes `pending` not empty; 0 at the end, -1 when it failed.
  int fill() noexcept {
    if (begin_ != end_) return 1;
    begin_ = end_ = 0;
    const std::ptrdiff_t got = raw_->read(buffer_);
    if (got <= 0) {
      failed_ = failed_ || got < 0;
      return got < 0 ? -1 : 0;
    }
    end_ = static_cast<std::size_t>(got);
    return 1;
  }
  std::ptrdiff_t fail(const char* error) noexcept {
    failed_ = true;
    error_ = error;
    return -1;
  }
  bool failed() const noexcept { return failed_; }

 private:
  std::unique_ptr<ByteStream> raw_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  const char* error_ = nullptr;
  bool failed_ = false;
};

class PlainStream final : public BufferedStream {
 public:
  using BufferedStream::BufferedStream;
  std::ptrdiff_t read(std::span<std::uint8_t> to) noexcept override {
    if (failed()) return -1;
    const int filled = fill();
    if (filled <= 0) return filled;
    const Bytes from = pending().first(std::min(pending().size(), to.size()));
    std::memcpy(to.data(), from.data(), from.size());
    take(from.size());
    return static_cast<std::ptrdiff_t>(from.size());
  }
};

class GzipStream final : public BufferedStream {
 public:
  GzipStream(std::unique_ptr<ByteStream> raw, Bytes first) : BufferedStream(std::move(raw), first) {
    constexpr int window_bits_gzip = 15 + 16;  // The largest window, and a gzip header around it.
    ready_ = inflateInit2(&state_, window_bits_gzip) == Z_OK;
  }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() override {
    if (ready_) inflateEnd(&state_);
  }
  std::ptrdiff_t read(std::span<std::uint8_t> to) noexcept override {
    if (failed()) return -1;
    if (!ready_) return fail("no memory to decompress gzip");
    const std::size_t room = std::min<std::size_t>(to.size(), 1u << 30);  // zlib counts in 32 bits.
    state_.next_out = to.data();
    state_.avail_out = static_cast<uInt>(room);
    while (state_.avail_out == room) {
      const int filled = fill();
      if (filled < 0) return -1;
      if (filled == 0) return in_member_ ? fail("the gzip data end before their end mark") : 0;
      if (!in_member_ && !begin_member()) {
        if (failed()) return -1;
        continue;
      }
      const Bytes from = pending();
      state_.next_in = const_cast<Bytef*>(from.data());  // zlib's type lacks const; it does not write there.
      state_.avail_in = static_cast<uInt>(from.size());
      const int result = inflate(&state_, Z_NO_FLUSH);
      take(from.size() - state_.avail_in);
      if (result == Z_STREAM_END) {
        in_member_ = false;
        members_ = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        // What was decompressed before the damage is handed out first; the next call tells it.
        fail("the gzip data are damaged");
        break;
      }
    }
    const std::size_t got = room - state_.avail_out;
    return got == 0 ? -1 : static_cast<std::ptrdiff_t>(got);
  }

 private:
  // A member begins where one ended (RFC 1952, 2.2). Zeros after the last are padding, as tapes leave it and gzip
  // takes it.
  bool begin_member() noexcept {
    if (pending()[0] == 0 && members_) {
      const Bytes from = pending();
      const auto other = std::find_if(from.begin(), from.end(), [](std::uint8_t byte) { return byte != 0; });
      take(static_cast<std::size_t>(other - from.begin()));
      padded_ = true;
      return false;
    }
    if (padded_ || pending()[0] != 0x1f) {
      fail("other bytes follow the gzip data");
      return false;
    }
    in_member_ = inflateReset(&state_) == Z_OK;
    if (!in_member_) fail("no memory to decompress gzip");
    return in_member_;
  }

  z_stream state_{};
  bool ready_ = false;
  bool in_member_ = false;
  bool members_ = false;
  bool padded_ = false;
};

class ZstdStream final : public BufferedStream {
 public:
  ZstdStream(std::unique_ptr<ByteStream> raw, Bytes first)
      : BufferedStream(std::move(raw), first), state_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    if (state_ != nullptr) ZSTD_DCtx_setParameter(state_.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
  }
  std::ptrdiff_t read(std::span<std::uint8_t> to) noexcept override {
    if (failed()) return -1;
    if (state_ == nullptr) return fail("no memory to decompress zstd");
    ZSTD_outBuffer out{to.data(), to.size(), 0};
    while (out.pos == 0) {
      // The decoder can still hold output after all input was taken, so the end of the input is not yet the end.
      const int filled = fill();
      if (filled < 0) return -1;
      if (filled == 0 && !in_frame_) return 0;
      const Bytes from = pending();
      ZSTD_inBuffer in{from.data(), from.size(), 0};
      const std::size_t result = ZSTD_decompressStream(state_.get(), &out, &in);
      take(in.pos);
      if (ZSTD_isError(result) != 0) {
        fail(ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge
                 ? "the zstd data need a window above 128 MiB"
                 : "the zstd data are damaged");
        break;
      }
      in_frame_ = result != 0;
      if (filled == 0 && out.pos == 0) return fail("the zstd data end before their end mark");
    }
    return out.pos == 0 ? -1 : static_cast<std::ptrdiff_t>(out.pos);
  }

 private:
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> state_;
  bool in_frame_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> make_descriptor_stream(int descriptor) {
  return std::make_unique<DescriptorStream>(descriptor);
}

std::unique_ptr<ByteStream> make_memory_stream(Bytes bytes, std::size_t piece_bytes) {
  return std::make_unique<MemoryStream>(bytes, std::max<std::size_t>(piece_bytes, 1));
}

bool is_compressed(Bytes first) noexcept { return is_gzip(first) || is_zstd(first); }

std::unique_ptr<ByteStream> make_decompressed_stream(std::unique_ptr<ByteStream> raw, std::string& error) {
  std::uint8_t first[magic_bytes];
  std::size_t have = 0;
  while (have < magic_bytes) {  // A pipe may give them one by one.
    const std::ptrdiff_t got = raw->read({first + have, magic_bytes - have});
    if (got < 0) {
      error = raw->error();
      return nullptr;
    }
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  const Bytes bytes{first, have};
  if (is_gzip(bytes)) return std::make_unique<GzipStream>(std::move(raw), bytes);
  if (is_zstd(bytes)) return std::make_unique<ZstdStream>(std::move(raw), bytes);
  return std::make_unique<PlainStream>(std::move(raw), bytes);
}

}  // namespace tsujiban::capture
