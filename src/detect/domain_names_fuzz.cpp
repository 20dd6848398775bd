// Names as the wire gives them: cutting, scoring, decoding and comparing end, and stay inside their bounds.
#include "base/check.h"
#include "detect/domain_names.h"
#include "detect/name_likeness.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban::detect;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = all.find('\n');
  const std::string_view first = all.substr(0, cut),
                         second = cut == all.npos ? std::string_view{} : all.substr(cut + 1);
  const DomainParts parts = parts_of(first);
  TSUJIBAN_CHECK(parts.registered.empty() || first.ends_with(parts.registered));
  TSUJIBAN_CHECK(parts.registered.empty() || parts.registered.size() == parts.label.size() + 1 + parts.suffix.size());
  TSUJIBAN_CHECK(parts.below.empty() || first.size() == parts.below.size() + 1 + parts.registered.size());
  TSUJIBAN_CHECK(!is_random_looking(parts.label) || letter_score(parts.label) < 0);
  const Skeleton a = skeleton_of(first), b = skeleton_of(second);
  const unsigned there = edit_distance(a, b, 2), back = edit_distance(b, a, 2);
  TSUJIBAN_CHECK(there == back && there <= 3 && edit_distance(a, a, 2) == 0);
  static_cast<void>(ShownName(first).text());
  return 0;
}
