// Any bytes as a list of indicators: what is read has the form of its kind and is written as a value that is read
// again, and every fault has its place in the file.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/indicators.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban::config;
  static constexpr std::size_t size_max = 1 << 16;
  if (size > size_max) return 0;
  FaultList faults;
  Context context{faults, {}};
  IndicatorReader reader(context);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  reader.read(bytes, faults.add_file("fuzz.csv"));
  const auto lists = reader.finish();
  if (lists == nullptr || lists->indicators.size() > 2 * size) std::abort();
  std::uint64_t counted = 0;
  for (const std::uint32_t count : lists->counts) counted += count;
  if (counted != lists->indicators.size()) std::abort();
  FaultList none;
  Context second{none, {}};
  IndicatorReader again(second);
  std::string plain;
  for (const Indicator& indicator : lists->indicators) {
    const std::string text = text_of(*lists, indicator);
    if (text.empty() || indicator.line == 0 || indicator.line > size) std::abort();
    // A domain of one label needs its dot to be read, and a URL's text may hold what a plain list has no room for.
    if (indicator.kind == IndicatorKind::url) continue;
    plain += (indicator.kind == IndicatorKind::domain ? "." : "") + text + '\n';
  }
  const std::size_t urls = lists->counts[static_cast<std::size_t>(IndicatorKind::url)];
  again.read(plain, none.add_file("again.csv"));
  if (again.finish()->indicators.size() + urls != lists->indicators.size() || !none.empty()) std::abort();
  for (const Fault& fault : faults.finish()) {
    if (fault.message.empty() || fault.place.line > size || fault.place.column > size + 2) std::abort();
  }
  return 0;
}
