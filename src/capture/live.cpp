#include "capture/live.h"

#include <linux/filter.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/reserved_memory.h"
#include "capture/record_parser.h"

namespace tsujiban::capture {
namespace {

// Address space for the copies of one batch; only what a batch really needs is ever touched.
constexpr std::size_t arena_bytes = 64u << 20;
// libpcap counts packets with int, and a call should end soon enough for timers to run.
constexpr std::size_t dispatch_packets_max = 1024;
static_assert(arena_bytes >= record_bytes_max);

class PcapLiveSource final : public LiveSource {
 public:
  PcapLiveSource(std::string interface, pcap_t* handle)
      : interface_(std::move(interface)),
        handle_(handle),
        arena_(arena_bytes),
        fraction_ns_(pcap_get_tstamp_precision(handle) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000),
        link_(static_cast<LinkType>(pcap_datalink(handle) & 0xffff)) {}
  PcapLiveSource(const PcapLiveSource&) = delete;
  PcapLiveSource& operator=(const PcapLiveSource&) = delete;
  ~PcapLiveSource() override { pcap_close(handle_); }

  SourceState next(std::span<RawPacket> to, std::size_t& count) override {
    count = 0;
    if (failed_) return SourceState::damaged;
    if (stop_.load(std::memory_order_relaxed) && !stopped_) stop_kernel();
    out_ = to;
    out_count_ = 0;
    arena_used_ = 0;
    int got = dispatch();
    if (got == 0 && out_count_ == 0) {
      wait();
      got = dispatch();
    }
    // One call hands over one block of the ring at most; a burst fills the batch from several.
    while (got > 0 && out_count_ != out_.size() && arena_.size() - arena_used_ >= record_bytes_max) got = dispatch();
    count = out_count_;
    if (got == PCAP_ERROR) {
      failed_ = true;
      damage_ = interface_ + ": " + pcap_geterr(handle_);
      return SourceState::damaged;
    }
    if (count != 0) {
      silent_waits_ = 0;
      return SourceState::more;
    }
    if (stopped_ && ++silent_waits_ >= live_drain_waits) return SourceState::end;
    return SourceState::idle;
  }

  std::string_view input_name(std::uint16_t) const noexcept override { return interface_; }
  std::string damage() const override { return damage_; }
  std::uint64_t bytes_read() const noexcept override { return bytes_read_; }
  std::uint64_t bytes_total() const noexcept override { return 0; }

  std::uint64_t kernel_drops() noexcept override {
    pcap_stat now{};
    if (pcap_stats(handle_, &now) == 0) {
      // libpcap's counters have 32 bits and wrap; the differences do not as long as somebody asks now and then.
      drops_ += static_cast<std::uint32_t>(now.ps_drop - last_.ps_drop);
      drops_ += static_cast<std::uint32_t>(now.ps_ifdrop - last_.ps_ifdrop);
      last_ = now;
    }
    return drops_;
  }

  void stop_receiving() noexcept override { stop_.store(true, std::memory_order_relaxed); }

 private:
  static void take(u_char* self, const pcap_pkthdr* header, const u_char* bytes) {
    reinterpret_cast<PcapLiveSource*>(self)->take(*header, bytes);
  }

  void take(const pcap_pkthdr& header, const u_char* bytes) noexcept {
    const std::uint32_t captured = std::min<std::uint32_t>(header.caplen, record_bytes_max);
    std::uint8_t* const copy = arena_.data() + arena_used_;
    std::memcpy(copy, bytes, captured);
    arena_used_ += captured;
    bytes_read_ += captured;
    const std::int64_t seconds = std::clamp<std::int64_t>(header.ts.tv_sec, 0, time_ns_max / 1'000'000'000 - 1);
    const std::int64_t fraction = std::clamp<std::int64_t>(header.ts.tv_usec, 0, 1'000'000'000);
    out_[out_count_++] = {
        copy,  captured, std::max(header.len, captured), {seconds * 1'000'000'000 + fraction * fraction_ns_}, number_++,
        link_, 0};
  }

  // At most as many packets as find room in the batch and, were all of them of the largest size, in the arena.
  int dispatch() noexcept {
    const std::size_t room =
        std::min({out_.size() - out_count_, (arena_.size() - arena_used_) / record_bytes_max, dispatch_packets_max});
    if (room == 0) return 0;
    return pcap_dispatch(handle_, static_cast<int>(room), &PcapLiveSource::take, reinterpret_cast<u_char*>(this));
  }

  void wait() noexcept {
    pollfd descriptor{pcap_get_selectable_fd(handle_), POLLIN, 0};
    poll(&descriptor, 1, live_wait_ms);  // Interrupted by a signal: `idle` comes a little early.
  }

  // A socket filter that takes nothing, set past libpcap: libpcap would also throw away what is already in the ring.
  void stop_kernel() noexcept {
    sock_filter take_nothing{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog program{1, &take_nothing};
    // Should the kernel refuse, `end` comes when the line is silent or the caller's patience ends.
    setsockopt(pcap_fileno(handle_), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    stopped_ = true;
    silent_waits_ = 0;
  }

  std::string interface_;
  pcap_t* handle_;
  ReservedMemory arena_;
  std::size_t arena_used_ = 0;
  std::span<RawPacket> out_;
  std::size_t out_count_ = 0;
  std::int64_t fraction_ns_;
  LinkType link_;
  std::uint64_t number_ = 1;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t drops_ = 0;
  pcap_stat last_{};
  std::atomic<bool> stop_{false};
  bool stopped_ = false;
  unsigned silent_waits_ = 0;
  bool failed_ = false;
  std::string damage_;
};

std::string why(pcap_t* handle, int status) {
  const std::string detail = pcap_geterr(handle);
  switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return "there is no such interface";
    case PCAP_ERROR_PERM_DENIED:
      return "no permission to capture: CAP_NET_RAW is needed";
    case PCAP_ERROR_IFACE_NOT_UP:
      return "the interface is down";
    default:
      return "cannot capture: " + (detail.empty() ? std::string(pcap_statustostr(status)) : detail);
  }
}

}  // namespace

std::unique_ptr<LiveSource> open_live(const std::string& interface, const LiveOptions& options, std::string& error) {
  char text[PCAP_ERRBUF_SIZE] = "";
  pcap_t* handle = pcap_create(interface.c_str(), text);
  if (handle == nullptr) {
    error = interface + ": " + text;
    return nullptr;
  }
  pcap_set_snaplen(handle, static_cast<int>(record_bytes_max));
  pcap_set_promisc(handle, options.promiscuous ? 1 : 0);
  pcap_set_timeout(handle, live_wait_ms);
  pcap_set_buffer_size(handle, static_cast<int>(std::min<std::size_t>(options.ring_bytes, 1u << 30)));
  pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);  // Refused where it is not to be had: microseconds.
  const int status = pcap_activate(handle);  // Positive: a warning, such as that promiscuous mode does not exist there.
  if (status < 0) {
    error = interface + ": " + why(handle, status);
  } else if (pcap_setnonblock(handle, 1, text) != 0) {
    error = interface + ": " + text;
  } else {
    try {
      return std::make_unique<PcapLiveSource>(interface, handle);
    } catch (const std::bad_alloc&) {
      error = interface + ": not enough memory to capture";
    }
  }
  pcap_close(handle);
  return nullptr;
}

}  // namespace tsujiban::capture
