#include <array>

#include "dissect/dissector.h"
#include "dissectors/dhcp/dhcp_dissector.h"
#include "dissectors/dns/dns_dissector.h"
#include "dissectors/echonet_lite/echonet_lite_dissector.h"
#include "dissectors/ftp/ftp_dissector.h"
#include "dissectors/http/http_dissector.h"
#include "dissectors/modbus/modbus_dissector.h"
#include "dissectors/mqtt/mqtt_dissector.h"
#include "dissectors/ntp/ntp_dissector.h"
#include "dissectors/rdp/rdp_dissector.h"
#include "dissectors/smb/smb_dissector.h"
#include "dissectors/snmp/snmp_dissector.h"
#include "dissectors/ssh/ssh_dissector.h"
#include "dissectors/telnet/telnet_dissector.h"
#include "dissectors/tls/tls_dissector.h"

namespace tsujiban::dissect {

// Every dissector of this build, one row each. Adding a protocol adds its row here and its folder in CMakeLists.txt.
std::span<const DissectorRow> registry() noexcept {
  static const std::array rows = {
      echonet_lite::registry_row, dhcp::registry_row, dns::registry_row, http::registry_row, modbus::registry_row,
      tls::registry_row,          mqtt::registry_row, ssh::registry_row, ftp::registry_row,  telnet::registry_row,
      ntp::registry_row,          rdp::registry_row,  smb::registry_row, snmp::registry_row};
  return rows;
}

}  // namespace tsujiban::dissect
