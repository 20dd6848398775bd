#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "capture/source.h"

namespace tsujiban::capture {

struct LiveOptions {
  std::size_t ring_bytes = 64u << 20;  // The kernel's ring, which bridges our pauses.
  bool promiscuous = true;             // A mirror port's frames are not addressed to us.
};

// How long `next` waits for packets before it says `idle`, and for how long the kernel gathers packets.
inline constexpr int live_wait_ms = 10;
// After stop_receiving: so many silent waits and nothing can still be in the kernel's ring, whose blocks are handed
// over
// after live_wait_ms at the latest.
inline constexpr unsigned live_drain_waits = 5;

// A network interface. It only listens: nothing here can send.
class LiveSource : public PacketSource {
 public:
  // Asks the kernel to take in nothing more. `next` goes on until everything received before was delivered, then says
  // `end`. From any thread.
  virtual void stop_receiving() noexcept = 0;
};

// Opens `interface` with libpcap; "any" is all of them, as Linux cooked frames. Null, with `error` one line
// `interface: what is wrong`, when there is no such interface or no permission (CAP_NET_RAW). Privileges can be dropped
// once it is open. Packets are copied once, out of the kernel's ring into a bounded arena, which lives until the next
// call.
// When the interface goes away `next` says `damaged`; one that is only down stays open and silent.
std::unique_ptr<LiveSource> open_live(const std::string& interface, const LiveOptions& options, std::string& error);

}  // namespace tsujiban::capture
