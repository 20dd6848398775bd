#pragma once
#include <cstdint>
#include <string_view>

namespace tsujiban {

// Every way in which bytes can break the rules of a layer. One list: the name is the `reason` label of
// tsujiban_decode_errors_total and the `error` of `malformed` objects and `anomaly` events; the phrase is for people.
// These are data about the wire, never failures of ours. Add a row where a rule has no name yet; keep rows sorted by
// layer.
#define TSUJIBAN_PARSE_ERRORS(row)                                                                                     \
  /* any layer */                                                                                                      \
  row(truncated, "the header or body ends before its own length says")                                                 \
      row(bad_length, "a length field contradicts another or the standard")                                            \
          row(bad_version, "the version is none that the standard defines")                                            \
              row(bad_checksum, "the checksum does not match")                                                         \
                  row(bad_value, "a field has a value that the standard does not allow")                               \
                      row(trailing_bytes, "bytes follow the end of the message")                                       \
                          row(nesting_too_deep, "more encapsulation layers than the limit")                            \
                              row(unsupported, "a form that is recognised but not dissected")                          \
                                  row(unknown_ethertype,                                                               \
                                      "an EtherType or protocol that is not dissected") /* link and tunnels */         \
      row(vlan_too_deep, "more VLAN tags than the limit")                                                              \
          row(mpls_too_deep, "an MPLS label stack without an end within the limit")                                    \
              row(pppoe_bad_code, "a PPPoE session packet with a code other than 0")                                   \
                  row(gre_bad_flags, "GRE flags that RFC 2784 and RFC 2890 do not define")                             \
                      row(gre_routing_present, "GRE source routing (RFC 1701), obsolete")                              \
                          row(vxlan_bad_flags, "a VXLAN header without a valid VNI flag")                              \
                              row(geneve_bad_options, "GENEVE options longer than the packet")                         \
                                  row(arp_bad_format, "ARP lengths or operation that cannot be") /* IP */              \
      row(ip_bad_header_length, "an IPv4 header length below 20 or beyond the packet") row(                            \
          ip_bad_total_length, "an IP length shorter than its header or beyond the frame")                             \
          row(ip_bad_option, "an IPv4 option whose length cannot be") row(                                             \
              ip_source_route, "an IPv4 source route option or IPv6 routing header type 0")                            \
              row(ip_land, "source and destination address are the same and not loopback") row(                        \
                  ip_bad_source, "a multicast or broadcast source address") row(ip_ttl_zero,                           \
                                                                                "time to live or hop limit 0")         \
                  row(ipv6_extension_order, "IPv6 extension headers repeated or in a forbidden order") row(            \
                      ipv6_extension_too_many, "more IPv6 extension headers than the limit")                           \
                      row(ipv6_bad_option, "an IPv6 option whose length cannot be") row(                               \
                          ipv6_jumbogram, "an IPv6 jumbogram, not dissected")                                          \
                          row(ipv6_mapped_address, "an IPv4-mapped address in an IPv6 header") row(                    \
                              fragment_overlap, "fragments overlap")                                                   \
                              row(fragment_overlap_differs, "fragments overlap and their bytes differ") row(           \
                                  fragment_too_large, "fragments reach beyond the largest datagram")                   \
                                  row(fragment_too_small, "a fragment too small for what must be in it") row(          \
                                      fragment_bad_length, "a non-last fragment whose length is no multiple of 8")     \
                                      row(fragment_end_conflict, "two fragments disagree where the datagram ends")     \
                                          row(fragment_timeout, "a datagram whose fragments did not all arrive") row(  \
                                              fragment_limit,                                                          \
                                              "fragments dropped because a limit of ours was reached") /* transport */ \
      row(udp_bad_length, "a UDP length below 8 or beyond the IP payload")                                             \
          row(udp_zero_checksum_ipv6, "UDP over IPv6 without a checksum")                                              \
              row(tcp_bad_header_length, "a TCP data offset below 20 or beyond the segment")                           \
                  row(tcp_bad_option, "a TCP option whose length cannot be")                                           \
                      row(tcp_bad_flags, "TCP flags that cannot occur together")                                       \
                          row(icmp_bad_length, "an ICMP message shorter than its type needs")                          \
                              row(ndp_bad_option, "an NDP option of length 0 or beyond the message")                   \
                                  row(ndp_bad_hop_limit, "an NDP message whose hop limit is not 255")                  \
                                      row(igmp_bad_length,                                                             \
                                          "an IGMP or MLD message shorter than its type needs") /* TCP streams */      \
      row(stream_overlap_differs, "retransmitted bytes differ from the first ones")                                    \
          row(stream_gap, "acknowledged bytes were never seen")                                                        \
              row(stream_out_of_window, "a segment far outside the receive window")                                    \
                  row(stream_rst_out_of_window, "a reset that the receiver would not accept")                          \
                      row(stream_syn_data, "data in a SYN segment")                                                    \
                          row(stream_data_after_close, "data after the end of the stream")                             \
                              row(stream_limit, "stream bytes dropped because a limit of ours was reached")            \
                                  row(stream_midstream, "a connection picked up in its middle") /* ECHONET Lite */     \
      row(echonet_bad_ehd, "EHD1 is not 0x10 or EHD2 is neither 0x81 nor 0x82")                                        \
          row(echonet_unknown_esv, "an ESV that the standard reserves")                                                \
              row(echonet_opc_zero, "OPC 0 where the service needs a property")                                        \
                  row(echonet_opc_mismatch, "fewer properties than OPC says")                                          \
                      row(echonet_pdc_overrun, "a PDC that reaches beyond the frame")                                  \
                          row(echonet_bad_epc, "an EPC below 0x80")                                                    \
                              row(echonet_trailing_data, "bytes after the last property")                              \
                                  row(echonet_setget_missing_get, "a SetGet message without its OPCGet list")          \
                                      row(echonet_bad_eoj, "an object group or instance that the standard reserves")   \
                                          row(echonet_unsynchronised,                                                  \
                                              "stream bytes that begin no ECHONET Lite frame") /* DNS */               \
      row(dns_bad_label, "a label type that RFC 1035 reserves")                                                        \
          row(dns_bad_pointer, "a compression pointer that does not point backwards")                                  \
              row(dns_name_too_long, "a name of more than 255 bytes or of more pointers than the limit")               \
                  row(dns_count_mismatch, "fewer questions or records than the header's counts say")                   \
                      row(dns_bad_rdata, "record data that its type cannot have")                                      \
                          row(dns_too_many_records, "more records than are read of one message")                       \
                              row(dns_bad_opcode, "an opcode that is not assigned")                                    \
                                  row(dns_reserved_bit, "the reserved header bit is set")                              \
                                      row(dns_unsynchronised, "stream bytes that begin no DNS message") /* HTTP */     \
      row(http_bad_start_line, "a line that begins no HTTP/1.x message where one must begin")                          \
          row(http_line_too_long, "an HTTP start line longer than the limit")                                          \
              row(http_headers_too_long, "HTTP headers or trailers longer than the limit")                             \
                  row(http_too_many_headers, "more HTTP headers than the limit")                                       \
                      row(http_bad_header, "an HTTP header line without a name or a colon")                            \
                          row(http_ambiguous_length, "HTTP headers that give a body more than one length")             \
                              row(http_bad_chunk, "an HTTP chunk whose size cannot be read or is not kept")            \
                                  row(http_bad_encoding, "an HTTP body that its content coding does not decode")       \
                                      row(http_decompression_bomb,                                                     \
                                          "an HTTP body that inflates beyond the ratio") /* DHCP */                    \
      row(dhcp_bad_header, "a DHCP operation, address length or cookie that cannot be")                                \
          row(dhcp_bad_option, "a DHCP option that its length or place makes impossible")                              \
              row(dhcp_too_many_options, "more DHCP options or relays than are read of one message") /* Modbus */      \
      row(modbus_bad_protocol_id, "an MBAP protocol identifier other than 0")                                          \
          row(modbus_bad_function, "a function code that no request can have")                                         \
              row(modbus_bad_quantity, "a quantity outside the function's limits")                                     \
                  row(modbus_bad_byte_count, "a byte count that contradicts the quantity or the message's length")     \
                      row(modbus_answer_mismatch, "an answer that does not fit its request")                           \
                          row(modbus_unsolicited, "an answer without a request")                                       \
                              row(modbus_unsynchronised, "stream bytes that begin no Modbus message") /* MQTT */       \
      row(mqtt_bad_flags, "fixed header or connect flags that the packet type forbids")                                \
          row(mqtt_bad_type, "an MQTT packet type that is not assigned")                                               \
              row(mqtt_bad_qos, "an MQTT quality of service of 3")                                                     \
                  row(mqtt_bad_string, "an MQTT string that is no UTF-8, or has a null character")                     \
                      row(mqtt_bad_topic, "a topic name or filter with wildcards where none can be")                   \
                          row(mqtt_bad_packet_id, "an MQTT packet identifier of 0") row(                               \
                              mqtt_bad_property, "an MQTT property that is unknown, repeated or has no place here")    \
                              row(mqtt_properties_too_long, "MQTT properties longer than their packet")                \
                                  row(mqtt_unintroduced, "an MQTT packet on a connection without CONNECT")             \
                                      row(mqtt_double_connect, "a second CONNECT on a connection")                     \
                                          row(mqtt_unsolicited, "an MQTT acknowledgement of nothing that was sent")    \
                                              row(mqtt_wrong_direction, "an MQTT packet that the other side sends")    \
                                                  row(mqtt_unsynchronised,                                             \
                                                      "stream bytes that begin no MQTT packet") /* TLS */              \
      row(tls_bad_record, "a TLS record header whose type, version or length cannot be")                               \
          row(tls_bad_handshake, "a TLS handshake message whose lengths contradict each other")                        \
              row(tls_bad_extension, "a TLS extension that its length or place makes impossible")                      \
                  row(tls_unexpected_message, "a TLS message where none of its kind can be")                           \
                      row(tls_message_too_large, "a TLS handshake message longer than is reassembled")                 \
                          row(tls_bad_certificate, "a certificate that is no X.509 in DER")                            \
                              row(tls_heartbeat_overread, "a TLS heartbeat that asks for more bytes than it brings")   \
                                  row(tls_data_after_alert, "bytes after a fatal TLS alert")                           \
                                      row(tls_unsynchronised, "stream bytes that begin no TLS record") /* SSH */ row(  \
                                          ssh_bad_identification, "an SSH identification that is too long or none")    \
                                          row(ssh_bad_packet, "an SSH packet whose padding or length cannot be")       \
                                              row(ssh_bad_kexinit, "SSH name-lists that reach beyond their packet")    \
                                                  row(ssh_unexpected_message,                                          \
                                                      "an SSH message where none of its kind can be") /* FTP */        \
      row(ftp_bad_line, "an FTP line longer than the limit, or without a command or code") row(                        \
          ftp_bad_endpoint, "an FTP data address that is none") row(ftp_unsolicited, "an FTP reply without a command") \
          row(ftp_unsynchronised, "stream bytes that are no FTP lines") /* Telnet */ row(                              \
              telnet_bad_command, "a Telnet command that is not assigned")                                             \
              row(telnet_subnegotiation_too_long, "a Telnet subnegotiation longer than the limit") /* SNMP */ row(     \
                  snmp_bad_ber, "a BER tag or length in an SNMP message that cannot be")                               \
                  row(snmp_bad_oid, "an object identifier that SNMP does not allow")                                   \
                      row(snmp_bad_pdu, "an SNMP PDU whose kind or fields its version does not have") /* NTP */        \
      row(ntp_bad_extension, "an NTP extension field or digest of a length that cannot be") /* SMB */ row(             \
          smb_bad_header, "an SMB or NetBIOS session header that cannot be")                                           \
          row(smb_bad_body, "an SMB command whose structure contradicts its lengths")                                  \
              row(smb_bad_chain, "an SMB compound or AndX chain that does not lead forwards")                          \
                  row(smb_bad_security_blob, "an NTLMSSP message whose fields lie outside it")                         \
                      row(smb_unsynchronised, "stream bytes that begin no SMB message") /* RDP */ row(                 \
                          rdp_bad_header, "a TPKT or X.224 header that cannot be")                                     \
                          row(rdp_bad_negotiation, "an RDP negotiation whose type or length cannot be")                \
                              row(rdp_bad_connect, "an RDP connect PDU whose lengths contradict each other")

enum class ParseError : std::uint8_t {
  none = 0,
#define TSUJIBAN_ROW(name, phrase) name,
  TSUJIBAN_PARSE_ERRORS(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
      count_,
};
inline constexpr std::size_t parse_error_count = static_cast<std::size_t>(ParseError::count_);

// The name as it appears in metrics and events; "none" for none.
std::string_view name_of(ParseError error) noexcept;
// One English phrase for people.
std::string_view phrase_of(ParseError error) noexcept;

// Where a rule was broken: the `layer` label of tsujiban_decode_errors_total.
enum class Layer : std::uint8_t {
  file,
  link,
  tunnel,
  arp,
  ipv4,
  ipv6,
  fragment,
  icmp,
  igmp,
  udp,
  tcp,
  stream,
  application,
  count_
};
inline constexpr std::size_t layer_count = static_cast<std::size_t>(Layer::count_);
std::string_view name_of(Layer layer) noexcept;

// One broken rule in one packet. `offset` counts from the first byte of that layer's message.
struct Anomaly {
  Layer layer;
  ParseError error;
  std::uint32_t offset;
};

}  // namespace tsujiban
