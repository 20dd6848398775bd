#include "policy/control_rights.h"

#include <array>

#include "policy/line.h"

namespace tsujiban::policy {
namespace {

static_assert(app_protocol_count <= 64, "apps_ has a bit for each");

constexpr std::array<std::string_view, static_cast<std::size_t>(WriteReason::count_)> reason_names = {
    "no_inventory",  "listed",        "own_segment",        "interface_default",
    "not_permitted", "outside_hours", "protocol_not_listed"};

constexpr std::uint64_t bit_of(AppProtocol app) noexcept { return std::uint64_t{1} << static_cast<unsigned>(app); }
constexpr std::uint32_t bit_of(ErabInterface interface) noexcept {
  return std::uint32_t{1} << static_cast<unsigned>(interface);
}
constexpr std::uint32_t all_interfaces = (std::uint32_t{1} << erab_interface_count) - 1;

struct ProtocolDefaults {
  std::uint32_t interfaces;  // A bit an ErabInterface that permits it.
  bool scada;                // A scada_master controls by it.
};
// No `default:`, so that a protocol that is added does not compile until somebody has decided about it.
constexpr ProtocolDefaults defaults_of(AppProtocol protocol) noexcept {
  switch (protocol) {
    case AppProtocol::unknown:
      return {all_interfaces, false};  // What is not known breaks no rule about what it is.
    case AppProtocol::echonet_lite:
      // Guideline 3.0, 3.6.5 (home) and the B route of the smart meters. R4 and R6 go over public networks.
      return {bit_of(ErabInterface::none) | bit_of(ErabInterface::R5) | bit_of(ErabInterface::B), false};
    case AppProtocol::dns:   // Part of every network; where it may go is for the allow list.
    case AppProtocol::dhcp:  // As DNS; which server may answer is for mitm.rogue-dhcp.
      return {all_interfaces, false};
    case AppProtocol::http:
    case AppProtocol::tls:
      // OpenADR and the vendors' clouds (3.6.1 to 3.6.6); the meters' routes know neither.
      return {all_interfaces & ~(bit_of(ErabInterface::A) | bit_of(ErabInterface::B)), false};
    case AppProtocol::mqtt:
      return {bit_of(ErabInterface::none) | bit_of(ErabInterface::R5) | bit_of(ErabInterface::R6) |
                  bit_of(ErabInterface::VENDOR),
              false};
    case AppProtocol::modbus:
      return {bit_of(ErabInterface::none) | bit_of(ErabInterface::R5), false};
    case AppProtocol::ssh:   // Maintenance; who may, is for the allow list.
    case AppProtocol::snmp:  // Supervision of routers and switches.
    case AppProtocol::ntp:
      return {all_interfaces, false};
    case AppProtocol::ftp:
    case AppProtocol::telnet:
    case AppProtocol::smb:
    case AppProtocol::rdp:
      // Of no interface of the guideline: passwords in the clear, or what ransomware spreads over.
      return {bit_of(ErabInterface::none), false};
    case AppProtocol::count_:
      break;
  }
  return {0, false};
}

bool is_group(const IpAddress& address) noexcept { return address.is_multicast() || address.is_broadcast(); }

// Where no segment is named: homes are a /24 or a /64.
bool look_near(const IpAddress& a, const IpAddress& b) noexcept {
  if (a.is_v4() != b.is_v4()) return false;
  if (a.is_v4()) return (a.is_private() || a.is_link_local()) && a.as_v4() >> 8 == b.as_v4() >> 8;
  return a.high == b.high;
}

}  // namespace

std::string_view name_of(WriteReason reason) noexcept { return reason_names[static_cast<std::size_t>(reason)]; }

std::uint64_t default_protocols_of(ErabInterface interface) noexcept {
  if (interface == ErabInterface::none) return 0;
  std::uint64_t permitted = 0;
  for (std::size_t i = 0; i < app_protocol_count; ++i) {
    const auto protocol = static_cast<AppProtocol>(i);
    if ((defaults_of(protocol).interfaces & bit_of(interface)) != 0) permitted |= bit_of(protocol);
  }
  return permitted;
}

ControlRights::ControlRights(std::shared_ptr<const Inventory> inventory, std::shared_ptr<const Calendar> calendar,
                             HashSeed seed)
    : inventory_(std::move(inventory)), calendar_(std::move(calendar)) {
  const auto& control = inventory_->config().control;
  for (const config::ControlEntry& entry : control) {
    std::uint64_t apps = 0;
    for (const AppProtocol app : entry.protocols) apps |= bit_of(app);
    apps_.push_back(apps);
  }
  pairs_ = NamePairs(
      *inventory_, control.size(),
      [&](std::size_t i) {
        return NamePairs::EntryEnds{control[i].from, control[i].to};
      },
      seed);
}

WriteRight ControlRights::judge(SegmentKey link, const IpAddress& writer, const IpAddress& target, AppProtocol protocol,
                                PacketTime time) const noexcept {
  WriteRight right;
  const Inventory& inventory = *inventory_;
  const config::Config& config = inventory.config();
  if (!config.has_inventory()) return right;
  const std::uint32_t writer_asset = inventory.asset_of(link, writer);
  const std::uint32_t writer_segment = inventory.segment_or_asset_segment_of(link, writer, writer_asset);
  const bool group = is_group(target) || inventory.is_subnet_broadcast(link, target);
  // A group is everybody on the writer's link who listens.
  const std::uint32_t target_asset = group ? 0 : inventory.asset_of(link, target);
  const std::uint32_t target_segment =
      group ? writer_segment : inventory.segment_or_asset_segment_of(link, target, target_asset);
  right.judged = writer_asset != 0 || target_asset != 0 || (group && inventory.has_assets(target_segment));
  if (!right.judged) return right;

  enum Outcome : std::uint8_t { nothing, protocol_differs, not_now, fits } best = nothing;
  std::uint32_t best_entry = 0;
  if (!config.control.empty()) {
    NamePairs::Names from, to;
    pairs_.names_of(inventory, writer, writer_asset, writer_segment, {}, from);
    pairs_.names_of(inventory, target, target_asset, target_segment, {}, to);
    pairs_.for_each(from, to, [&](bool, std::span<const std::uint32_t> entries) {
      for (const std::uint32_t number : entries) {
        const config::ControlEntry& entry = config.control[number];
        Outcome outcome = fits;
        if (apps_[number] != 0 && (apps_[number] & bit_of(protocol)) == 0)
          outcome = protocol_differs;
        else if (calendar_->is_expired(entry.expires_local_s, time) || !calendar_->is_within(entry.when, time))
          outcome = not_now;
        if (outcome > best || (outcome == best && number < best_entry)) {
          best = outcome;
          best_entry = number;
        }
      }
    });
  }
  if (best != nothing) right.entry = best_entry + 1;
  if (best == fits) {
    right.reason = WriteReason::listed;
    return right;
  }

  if (config.control_defaults) {
    const Role role = inventory.role_of(writer_asset);
    WriteReason reason = WriteReason::not_permitted;
    if (role == Role::ems || role == Role::gateway) {
      const bool own = writer_segment != 0 || target_segment != 0 ? writer_segment == target_segment
                                                                  : group || look_near(writer, target);
      if (own) reason = WriteReason::own_segment;
    } else if (role == Role::aggregator) {
      const ErabInterface interface =
          inventory.interface_between(writer_asset, target_asset, writer_segment, target_segment);
      if (interface == ErabInterface::R4 || interface == ErabInterface::R6) reason = WriteReason::interface_default;
    } else if (role == Role::scada_master && defaults_of(protocol).scada) {
      reason = WriteReason::interface_default;
    }
    if (reason != WriteReason::not_permitted) {
      right.reason = reason;
      right.entry = 0;
      return right;
    }
  }
  right.allowed = false;
  right.reason = best == not_now            ? WriteReason::outside_hours
                 : best == protocol_differs ? WriteReason::protocol_not_listed
                                            : WriteReason::not_permitted;
  return right;
}

std::size_t ControlRights::explain(const WriteRight& right, SegmentKey link, const IpAddress& writer,
                                   const IpAddress& target, char* to, std::size_t max) const noexcept {
  Line line(to, max);
  const auto host = [&](const IpAddress& address) {
    const std::uint32_t asset = inventory_->asset_of(link, address);
    if (asset != 0)
      line << inventory_->asset_name(asset) << " (" << name_of(inventory_->role_of(asset)) << ")";
    else
      write_address(line, address, false);
  };
  host(writer);
  line << " wrote to ";
  host(target);
  line << "; ";
  const auto entry = [&]() -> Line& {
    line << "control entry " << right.entry;
    if (right.entry != 0 && inventory_->config().control[right.entry - 1].place.line != 0)
      line << " (line " << inventory_->config().control[right.entry - 1].place.line << ")";
    return line;
  };
  switch (right.reason) {
    case WriteReason::no_inventory:
    case WriteReason::count_:
      line << "no asset takes part";
      break;
    case WriteReason::listed:
      entry() << " lets it";
      break;
    case WriteReason::own_segment:
      line << "it may within its own segment";
      break;
    case WriteReason::interface_default:
      line << "its role may on this interface";
      break;
    case WriteReason::not_permitted:
      line << (inventory_->asset_of(link, writer) == 0 ? std::string_view("the writer is no asset and no control entry")
               : inventory_->config().control_defaults ? std::string_view("neither its role nor a control entry")
                                                       : std::string_view("no control entry"))
           << " gives it that right";
      break;
    case WriteReason::outside_hours:
      entry() << " names the two, but not at this time";
      break;
    case WriteReason::protocol_not_listed:
      entry() << " names the two, but not this protocol";
      break;
  }
  return line.end();
}

}  // namespace tsujiban::policy
