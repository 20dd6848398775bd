#include "base/parse_error.h"

#include <array>

namespace tsujiban {

std::string_view name_of(ParseError error) noexcept {
  static constexpr std::array<std::string_view, parse_error_count> names = {"none",
#define TSUJIBAN_ROW(name, phrase) #name,
                                                                            TSUJIBAN_PARSE_ERRORS(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
  };
  return error < ParseError::count_ ? names[static_cast<std::size_t>(error)] : "unknown";
}

std::string_view phrase_of(ParseError error) noexcept {
  static constexpr std::array<std::string_view, parse_error_count> phrases = {"nothing is wrong",
#define TSUJIBAN_ROW(name, phrase) phrase,
                                                                              TSUJIBAN_PARSE_ERRORS(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
  };
  return error < ParseError::count_ ? phrases[static_cast<std::size_t>(error)] : "unknown";
}

std::string_view name_of(Layer layer) noexcept {
  static constexpr std::array<std::string_view, layer_count> names = {"file", "link",     "tunnel",     "arp",  "ipv4",
                                                                      "ipv6", "fragment", "icmp",       "igmp", "udp",
                                                                      "tcp",  "stream",   "application"};
  return layer < Layer::count_ ? names[static_cast<std::size_t>(layer)] : "unknown";
}

}  // namespace tsujiban
