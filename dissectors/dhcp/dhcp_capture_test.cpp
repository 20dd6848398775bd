// Another parser's opinion: tshark reads every foreign capture that has DHCP, and the records must say the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "dissectors/dhcp/dhcp_test_sink.h"

namespace tsujiban::dhcp {
namespace {

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == by)
      out.emplace_back();
    else
      out.back().push_back(c);
  }
  return out;
}

constexpr const char* columns[] = {"frame.number",
                                   "_ws.malformed",
                                   "udp.payload",
                                   "dhcp.type",
                                   "dhcp.id",
                                   "dhcp.hw.mac_addr",
                                   "dhcp.ip.your",
                                   "dhcp.option.dhcp",
                                   "dhcp.option.hostname",
                                   "dhcp.option.dhcp_server_id",
                                   "dhcp.option.ip_address_lease_time",
                                   "dhcp.option.router",
                                   "dhcp.option.domain_name_server",
                                   "dhcp.option.subnet_mask",
                                   "dhcp.option.vendor_class_id",
                                   "dhcpv6.msgtype",
                                   "dhcpv6.xid",
                                   "dhcpv6.iaaddr.ip",
                                   "dhcpv6.duid.bytes"};
enum Column : std::size_t {
  number,
  malformed,
  payload,
  op,
  id,
  mac,
  given,
  type,
  host,
  server,
  lease,
  router,
  resolver,
  mask,
  vendor,
  v6_type,
  v6_id,
  v6_given,
  v6_duid
};

std::vector<std::vector<std::string>> read_with_tshark(const std::string& path) {
  std::string command = "tshark -n -r '" + path + "' -Y 'dhcp || dhcpv6' -T fields -E occurrence=a -E aggregator=,";
  for (const char* column : columns) command += std::string(" -e ") + column;
  command += " 2>/dev/null";
  std::vector<std::vector<std::string>> frames;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return frames;
  std::string line;
  for (int c; (c = std::fgetc(pipe)) != EOF;) {
    if (c != '\n') {
      line.push_back(static_cast<char>(c));
      continue;
    }
    frames.push_back(split(line, '\t'));
    frames.back().resize(std::size(columns));
    line.clear();
  }
  pclose(pipe);
  return frames;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
std::string quoted_list(const std::string& comma_separated) {
  std::string out;
  for (const std::string& part : split(comma_separated, ',')) out += (out.empty() ? "\"" : ",\"") + part + "\"";
  return "[" + out + "]";
}

TEST(DhcpCaptures, records_say_what_tshark_says) {
  std::ifstream index(TSUJIBAN_CAPTURES_DIR "/index.tsv");
  if (!index) GTEST_SKIP() << "the collection of foreign captures is not there";
  if (std::system("tshark --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "tshark is not there";
  std::size_t compared_v4 = 0, compared_v6 = 0, broken = 0;
  for (std::string line; std::getline(index, line);) {
    const std::vector<std::string> row = split(line, '\t');
    if (row.size() < 8 || !has(row[7], "dhcp")) continue;
    for (const auto& frame : read_with_tshark(TSUJIBAN_CAPTURES_DIR "/" + row[0])) {
      const std::string where = row[0] + " " + frame[number];
      const std::vector<std::uint8_t> bytes = testing::bytes_of(split(frame[payload], ',').back());
      testing::Bench bench;
      const bool version6 = !frame[v6_type].empty();
      version6 ? bench.send_v6(bytes) : bench.send_v4(bytes);
      const std::string record = bench.last();
      if (!frame[malformed].empty() || !bench.sink.anomalies.empty()) {
        ++broken;
        continue;
      }
      const auto says = [&](Column column, const std::string& member) {
        EXPECT_TRUE(frame[column].empty() || has(record, member)) << where << ' ' << member << ' ' << record;
      };
      const auto decimal = [](const std::string& text) { return std::to_string(std::stoul("0" + text, nullptr, 16)); };
      if (version6) {
        ++compared_v6;
        says(v6_type, "\"dhcp_type\":\"" +
                          std::string(type_name_v6(static_cast<std::uint8_t>(std::stoul(frame[v6_type])))) + '"');
        says(v6_id, "\"id\":" + decimal(frame[v6_id].substr(2)) + ',');
        says(v6_given, "\"addresses\":" + quoted_list(frame[v6_given]));
        std::string duid;
        for (std::size_t i = 0; i < split(frame[v6_duid], ',')[0].size(); i += 2)
          duid += (i == 0 ? "" : ":") + frame[v6_duid].substr(i, 2);
        says(v6_duid, "_duid\":\"" + duid + '"');
      } else {
        ++compared_v4;
        says(op, frame[op] == "1" ? "\"type\":\"request\"" : "\"type\":\"reply\"");
        if (frame[id].size() > 2) says(id, "\"id\":" + decimal(frame[id].substr(2)) + ',');
        // tshark names the one in the client identifier too, behind it.
        says(mac, "\"client_mac\":\"" + split(frame[mac], ',')[0] + '"');
        says(given, "\"assigned_ip\":\"" + frame[given] + '"');
        if (!frame[type].empty())
          says(type, "\"dhcp_type\":\"" +
                         std::string(type_name_v4(static_cast<std::uint8_t>(std::stoul(frame[type])))) + '"');
        says(host, "\"hostname\":\"" + frame[host] + '"');
        says(server, "\"server_id\":\"" + frame[server] + '"');
        says(lease, "\"lease_time\":" + frame[lease] + ',');
        says(router, "\"routers\":" + quoted_list(frame[router]));
        says(resolver, "\"dns_servers\":" + quoted_list(frame[resolver]));
        says(mask, "\"subnet_mask\":\"" + frame[mask] + '"');
        says(vendor, "\"vendor_class_identifier\":\"" + frame[vendor] + '"');
      }
    }
  }
  std::printf("DHCPv4 %zu, DHCPv6 %zu, broken %zu\n", compared_v4, compared_v6, broken);
  EXPECT_GT(compared_v4, 8u);
  EXPECT_GT(compared_v6, 2u);
}

}  // namespace
}  // namespace tsujiban::dhcp
