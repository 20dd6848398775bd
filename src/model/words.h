#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tsujiban {

// The roles of the ERAB and AMI world (roles table of the ERAB guideline 3.0, 2, and of the AMI working group).
// `unknown` is a host that the inventory does not name; `external` one outside every segment.
#define TSUJIBAN_ROLES(row)                                                                                            \
  row(grid_command, "simple command system", "簡易指令システム")                                                       \
      row(coordinator, "aggregation coordinator", "アグリゲーションコーディネーター")                                  \
          row(aggregator, "resource aggregator", "リソースアグリゲーター") row(retailer, "retailer", "小売電気事業者") \
              row(ems, "BEMS / HEMS server or controller", "エネルギーマネジメントシステム")                           \
                  row(gateway, "gateway", "ゲートウェイ")                                                              \
                      row(device, "ERAB-controlled energy device", "ERAB制御対象のエネルギー機器")                     \
                          row(sensor_device, "sensor", "センサ") row(vendor_cloud, "device maker's controller",        \
                                                                     "機器メーカー等サードパーティのコントローラー")   \
                              row(router, "customer's router", "需要家側ルータ")                                       \
                                  row(meter, "smart meter", "スマートメーター")                                        \
                                      row(concentrator, "concentrator", "コンセントレータ") row(                       \
                                          hes, "head-end system", "HES") row(mdms, "meter data management", "MDMS")    \
                                          row(handy_terminal, "field terminal", "ハンディターミナル")                  \
                                              row(der_outstation, "DNP3 outstation", "DNP3アウトステーション")         \
                                                  row(scada_master, "DNP3 master", "DNP3マスター")                     \
                                                      row(operator_, "operator's workstation", "監視・運用端末")       \
                                                          row(monitor, "this sensor", "監視センサ")

enum class Role : std::uint8_t {
  unknown = 0,
#define TSUJIBAN_ROW(key, en, ja) key,
  TSUJIBAN_ROLES(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
      count_,
};
inline constexpr std::size_t role_count = static_cast<std::size_t>(Role::count_);
std::string_view name_of(
    Role role) noexcept;  // The key as configuration and events write it ("operator", "ems", "unknown").
std::string_view japanese_of(Role role) noexcept;
bool parse_role(std::string_view text, Role& role) noexcept;

// The ERAB and AMI interfaces (guideline 3.0, 3.6.1 to 3.6.6; VENDOR, A and B as the requirements name them).
enum class ErabInterface : std::uint8_t { none, R1, R2, R3, R4, R5, R6, VENDOR, A, B, count_ };
inline constexpr std::size_t erab_interface_count = static_cast<std::size_t>(ErabInterface::count_);
std::string_view name_of(ErabInterface interface) noexcept;  // "R5"; "none" for none.
bool parse_erab_interface(std::string_view text, ErabInterface& interface) noexcept;

// 1 is worst, as in Suricata: critical, high, medium, low or information.
enum class Severity : std::uint8_t { critical = 1, high = 2, medium = 3, low = 4 };

// The types of event that a record can have, by the name in `event_type`. A type exists when its dissector does.
enum class EventType : std::uint8_t {
  alert,
  flow,
  echonet_lite,
  http,
  tls,
  dns,
  mqtt,
  modbus,
  dhcp,
  ssh,
  ftp,
  smb,
  rdp,
  snmp,
  ntp,
  arp,
  anomaly,
  stats,
  count_
};
inline constexpr std::size_t event_type_count = static_cast<std::size_t>(EventType::count_);
std::string_view name_of(EventType type) noexcept;
bool parse_event_type(std::string_view text, EventType& type) noexcept;

// A set of event types: which records somebody wants. Work is done only for those.
class EventTypes {
 public:
  constexpr EventTypes() noexcept = default;
  static constexpr EventTypes all() noexcept {
    EventTypes t;
    t.bits_ = ~std::uint32_t{0};
    return t;
  }
  constexpr void add(EventType type) noexcept { bits_ |= 1u << static_cast<unsigned>(type); }
  constexpr bool has(EventType type) const noexcept { return (bits_ >> static_cast<unsigned>(type) & 1u) != 0; }

 private:
  std::uint32_t bits_ = 0;
};

// Application protocols, by the name in `app_proto`, the configuration and metrics.
enum class AppProtocol : std::uint8_t {
  unknown,
  echonet_lite,
  dns,
  dhcp,
  http,
  tls,
  mqtt,
  modbus,
  ssh,
  ftp,
  telnet,
  smb,
  rdp,
  snmp,
  ntp,
  count_
};
inline constexpr std::size_t app_protocol_count = static_cast<std::size_t>(AppProtocol::count_);
std::string_view name_of(AppProtocol protocol) noexcept;
bool parse_app_protocol(std::string_view text, AppProtocol& protocol) noexcept;

}  // namespace tsujiban
