// Words that more than one section reads.
#include <algorithm>

#include "config/sections.h"

namespace tsujiban::config {
namespace {

constexpr std::size_t reason_bytes_max = 256;

template <class Name, class Enum>
std::vector<std::string_view> names_up_to(Enum count, Name&& name) {
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i < static_cast<std::size_t>(count); ++i) names.push_back(name(static_cast<Enum>(i)));
  return names;
}

const std::vector<std::string_view>& role_words() {
  static const auto words = names_up_to(Role::count_, [](Role r) { return name_of(r); });
  return words;
}
const std::vector<std::string_view>& interface_words() {
  static const auto words = names_up_to(ErabInterface::count_, [](ErabInterface i) { return name_of(i); });
  return words;
}
const std::vector<std::string_view>& protocol_words() {
  static const auto words = names_up_to(AppProtocol::count_, [](AppProtocol p) { return name_of(p); });
  return words;
}

}  // namespace

bool read_role(Context& context, const Value& item, std::string_view key, std::string_view text, Role& role) {
  if (parse_role(text, role)) return true;
  wrong(context, item, key,
        in_quotes(text) + " is no role" + context.suggestions.among(text, role_words()) +
            "; accepted: " + listed(role_words()));
  return false;
}

bool read_interface(Context& context, const Value& item, std::string_view key, std::string_view text,
                    ErabInterface& interface) {
  if (parse_erab_interface(text, interface)) return true;
  wrong(context, item, key,
        in_quotes(text) + " is no ERAB interface" + context.suggestions.among(text, interface_words()) +
            "; accepted: " + listed(interface_words()));
  return false;
}

void read_protocols(Context& context, const Value& value, std::vector<AppProtocol>& protocols) {
  protocols.clear();
  read_one_or_list(context, value, "protocols", [&](const Value& item, std::string_view text) {
    AppProtocol protocol = AppProtocol::unknown;
    if (!parse_app_protocol(text, protocol)) {
      return wrong(context, item, "protocols",
                   in_quotes(text) + " is no protocol that is understood" +
                       context.suggestions.among(text, protocol_words()) + "; accepted: " + listed(protocol_words()));
    }
    if (std::find(protocols.begin(), protocols.end(), protocol) != protocols.end())
      return wrong(context, item, "protocols", in_quotes(text) + " is here twice");
    protocols.push_back(protocol);
  });
}

void read_reason(Context& context, const Value& value, std::string_view& reason) {
  std::string_view text;
  if (!value || !read_text(context, value, "reason", text)) return;
  if (text.empty() || text.size() > reason_bytes_max)
    return wrong(context, value, "reason", "1 to 256 bytes are accepted");
  reason = text;
}

}  // namespace tsujiban::config
