// The site configuration that fits the capture: what an operator who knows these homes would have written.
#include <cstdio>

#include "drill/attacks.h"
#include "drill/world.h"

namespace tsujiban::drill {
namespace {

std::string days_text(std::uint8_t days) {
  static constexpr std::array names = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    if ((days >> i & 1) != 0) text += std::string(text.empty() ? "" : ", ") + names[i];
  return text;
}
std::string clock_text(unsigned minute) {
  char text[16];
  std::snprintf(text, sizeof text, "\"%02u:%02u\"", minute / 60, minute % 60);
  return text;
}

}  // namespace

bool write_site(World& world, Output& output) {
  std::string text;
  bool taken = true, has_workstation = false;
  const auto flush = [&](std::size_t least) {
    if (text.size() <= least) return;
    taken = taken && output.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    text.clear();
  };
  const Options& options = world.options();
  text += "# The site of `tsujiban drill --scenario " + names_of(options) + "`: seed " + std::to_string(options.seed) +
          ", " + std::to_string(options.homes) + " homes.\n";
  text += "# Homes with the same private addresses, told apart by their VLAN.\n";
  text += "# 演習用の設定: 同じプライベートアドレスを使う家々を VLAN で区別する。\n";
  text += "site: {name: drill, importance: B, timezone: Asia/Tokyo}\nsegments:\n";
  text += "  - {name: fan, prefix: 10.80.0.0/16, erab: A}\n";
  text += "  - {name: grid-command, prefix: 10.90.0.0/24, erab: R1}\n";
  for (const Home& home : world.homes()) {
    text += "  - {name: han-" + std::to_string(home.index + 1) + ", prefix: 192.168.1.0/24, vlan: ";
    text += home.link.tags == 1
                ? std::to_string(home.link.vlan[0])
                : "[" + std::to_string(home.link.vlan[0]) + ", " + std::to_string(home.link.vlan[1]) + "]";
    text += ", erab: R5}\n";
    flush(65'536);
  }
  text += world.site_extra.segments + "assets:\n";
  text += "  - {name: aggregator-cloud, role: aggregator, address: " + to_text(cloud_address) +
          ", serves: [R4], ports: [tcp/443]}\n";
  text += "  - {name: concentrator-1, role: concentrator, address: 10.80.0.1, segment: fan}\n";
  text += "  - {name: command-1, role: grid_command, address: 10.90.0.10, segment: grid-command, serves: [R1]}\n";
  text += "  - {name: coordinator-1, role: coordinator, address: 10.90.0.20, segment: grid-command, serves: [R1]}\n";
  for (const Home& home : world.homes()) {
    const std::string number = std::to_string(home.index + 1);
    for (std::size_t i = 0; i < kind_count; ++i) {
      const auto kind = static_cast<Kind>(i);
      const Node& node = home.nodes[i];
      if (!node.present) continue;
      const KindInfo& info = info_of(kind);
      const std::string address = to_text(address_in_home(info.host));
      text += "  - {name: " + std::string(info.name) + "-" + number + ", role: " + std::string(info.role);
      const bool has_ipv6 = home.ipv6 && (kind == Kind::router || kind == Kind::ems);
      text += has_ipv6 ? ", address: [" + address + ", \"" + to_text(link_local(node.mac)) + "\"]"
                       : ", address: " + address;
      text += ", segment: han-" + number;
      // A router may be replaced on any day, and then has another MAC.
      if (kind != Kind::router) text += ", mac: \"" + to_text(node.mac) + "\"";
      if (kind == Kind::ems || kind == Kind::gateway) text += ", serves: [R4, R5]";
      if (kind == Kind::meter) text += ", serves: [B]";
      if (info.kw > 0) {
        char more[64];
        std::snprintf(more, sizeof more, ", object: \"%06X\", capacity_kw: %g", info.object, info.kw);
        text += more;
      }
      if (info.role == "device" && !(home.without_label && kind == Kind::battery)) text += ", jc_star: 1";
      if (info.object != 0) text += ", ports: [udp/3610]";
      if (kind == Kind::router) text += ", ports: [udp/53, udp/67]";
      text += "}\n";
    }
    if (home.workstation != Mac{}) {
      text += "  - {name: operator-" + number + ", role: operator, address: " + to_text(workstation_address);
      text += ", segment: han-" + number + ", mac: \"" + to_text(home.workstation) + "\"}\n";
      has_workstation = true;
    }
    flush(65'536);
  }
  text += world.site_extra.assets;
  text +=
      "allow:\n"
      "  - {from: [\"role:ems\", \"role:gateway\"], to: aggregator-cloud, ports: [tcp/443], "
      "reason: \"R4: telemetry and dispatch\"}\n"
      "  - {from: [\"role:ems\", \"role:gateway\"], to: \"role:router\", ports: [udp/53, udp/67], "
      "reason: \"names and addresses\"}\n"
      "  - {from: \"role:ems\", to: 192.168.1.0/24, ports: [udp/3610], direction: both, "
      "reason: \"R5: the devices of the home, also new ones\"}\n";
  if (has_workstation) {
    text +=
        "  - {from: \"role:operator\", to: [203.0.113.40, portal.minato-denryoku.example], ports: [tcp/443], "
        "reason: \"the portal of the grid operator\"}\n";
  }
  text += world.site_extra.allow + "dispatch:\n";
  for (const Dispatch& d : dispatches()) {
    text += "  - {by: [aggregator-cloud, \"role:ems\", \"role:gateway\"], days: [" + days_text(d.days) +
            "], from: " + clock_text(d.from_minute) + ", to: " + clock_text(d.to_minute) +
            ", kw_max: " + std::to_string(options.homes * 6) + "}\n";
  }
  if (!options.signatures_file.empty() && !signatures_of(options).empty())
    text += "signatures: [\"" + options.signatures_file + "\"]\n";
  if (!options.indicators_file.empty() && !indicators_of(options).empty())
    text += "indicators: [\"" + options.indicators_file + "\"]\n";
  text += "maintenance: [{days: [sun], from: \"02:00\", to: \"04:00\"}" + world.site_extra.maintenance + "]\n";
  if (!world.site_extra.detectors.empty()) text += "detectors:\n" + world.site_extra.detectors;
  flush(0);
  return taken;
}

}  // namespace tsujiban::drill
