#include "pipeline/sensor_watch.h"

#include <cstdio>

namespace tsujiban::pipeline {

Alert SensorWatch::make(DetectorId detector, PacketTime now, std::uint64_t count, const char* why,
                        unsigned long long number) noexcept {
  const DetectorInfo& info = info_of(detector);
  Alert alert;
  alert.detector = detector;
  alert.severity = static_cast<Severity>(info.severity);
  alert.signature_gid = info.gid;
  alert.signature_id = info.sid;
  alert.signature_rev = 1;
  alert.time = now;
  alert.count = count;
  alert.has_addresses = false;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  std::snprintf(alert.why[0].data(), Alert::why_text_max, why, number);
#pragma GCC diagnostic pop
  return alert;
}

}  // namespace tsujiban::pipeline
