#include "dissectors/tls/tls_upgrade.h"

#include <gtest/gtest.h>

#include "dissect/dispatcher.h"
#include "dissectors/tls/tls_test_sink.h"

namespace tsujiban::tls {
namespace {

using dissect::Dispatcher;
using testing::Exchange;
using testing::joined;
using testing::Octets;
using testing::octets;
using testing::to_client;
using testing::to_server;

bool later(std::string_view piece) {
  return may_upgrade({reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()});
}

TEST(TlsUpgrade, smtp_and_xmpp_are_recognised_by_what_stands_before_the_upgrade) {
  for (const char* piece :
       {"220 mail.example.jp ESMTP ready\r\n", "220-mail.example.jp SMTP\r\n220 x\r\n", "EHLO client.example\r\n",
        "ehlo [192.0.2.1]\r\n", "HELO a\r\n", "STARTTLS\r\n",
        "<?xml version='1.0'?><stream:stream to='a' xmlns='jabber:client'>", "<?xml version='1.0'?>",
        "<stream:stream from='a'>", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", " \r\n<?xml version='1.0'?>\n<stream:stream>"})
    EXPECT_TRUE(later(piece)) << piece;
  for (const char* piece :
       {"", "2", "220", "220 ftp.example.jp FTP server\r\n", "220 ready\r\nSMTP\r\n", "GET / HTTP/1.1\r\n", "EHLO",
        "<?xml version='1.0'?><html>", "<?xml", "<html>", "MAIL FROM:<a>\r\n", "250 STARTTLS\r\n"})
    EXPECT_FALSE(later(piece)) << piece;
}

// A flow through the dispatcher, with TLS as its only dissector.
struct Flow {
  explicit Flow() {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 6;
  }
  void send(Direction direction, const Octets& piece) {
    turn(direction);
    dispatcher.bytes(stream, flow, context, piece, sink);
  }
  void send(const Exchange& exchange) {
    for (const testing::Chunk& chunk : exchange) send(chunk.direction, chunk.bytes);
  }
  void end() {
    for (const Direction direction : {to_server, to_client}) {
      turn(direction);
      dispatcher.finished(stream, flow, context, sink);
    }
    dispatcher.close(stream);
  }
  void turn(Direction direction) {
    context.direction = direction;
    context.source = direction == to_server ? testing::Bench::client : testing::Bench::server;
    context.destination = direction == to_server ? testing::Bench::server : testing::Bench::client;
    context.source_port = direction == to_server ? 40000 : 25;
    context.destination_port = direction == to_server ? 25 : 40000;
  }
  bool is_settled() const { return (flow.flags & flow::flow_flag::app_settled) != 0; }

  std::unique_ptr<metrics::WorkerCounters> counters = std::make_unique<metrics::WorkerCounters>();
  reassembly::ByteStore store{1 << 20};
  dissect::testing::TestSink sink{EventType::tls};
  Dispatcher dispatcher{{&registry_row, 1}, {64, 64}, 64, HashSeed{}, *counters, store};
  dissect::MessageContext context{};
  flow::Flow flow{};
  std::uint32_t stream = 0;
};

const Exchange smtp = {{to_client, octets("220 mail.example.jp ESMTP ready\r\n")},
                       {to_server, octets("EHLO client.example\r\n")},
                       {to_client, octets("250-mail.example.jp\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n"
                                          "250-ETRN\r\n250-STARTTLS\r\n250 8BITMIME\r\n")},
                       {to_server, octets("STARTTLS\r\n")},
                       {to_client, octets("220 2.0.0 Ready to start TLS\r\n")}};
const Exchange xmpp = {
    {to_server, octets("<?xml version='1.0'?><stream:stream to='im.example.jp' xmlns='jabber:client' version='1.0'>")},
    {to_client, octets("<?xml version='1.0'?><stream:stream from='im.example.jp' id='t7' version='1.0'>")},
    {to_client, octets("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
                       "</stream:features>")},
    {to_server, octets("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")},
    {to_client, octets("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")}};

Exchange session() {
  testing::Hello hello;
  hello.extensions = testing::server_name("mail.example.jp");
  return {{to_server, testing::record(22, hello.client())},
          {to_client, testing::record(22, testing::Hello{}.server())},
          {to_server, joined({testing::change_cipher_spec(), testing::sealed()})},
          {to_client, joined({testing::change_cipher_spec(), testing::sealed()})}};
}

TEST(TlsUpgrade, a_session_behind_starttls_is_read_like_any_other) {
  for (const Exchange& before : {smtp, xmpp}) {
    Flow flow;
    flow.send(before);
    EXPECT_FALSE(flow.is_settled());
    EXPECT_EQ(flow.flow.app, AppProtocol::unknown);
    flow.send(session());
    EXPECT_EQ(flow.flow.app, AppProtocol::tls);
    flow.end();
    ASSERT_EQ(flow.sink.records.size(), 1u);
    EXPECT_NE(flow.sink.records[0].find("\"sni\":\"mail.example.jp\""), std::string::npos);
    EXPECT_NE(flow.sink.records[0].find("\"established\":true"), std::string::npos);
    EXPECT_TRUE(flow.sink.anomalies.empty());
  }
}

TEST(TlsUpgrade, one_side_is_enough_and_the_hello_may_come_in_pieces) {
  for (const Direction side : {to_server, to_client}) {
    Flow flow;
    for (const Exchange& part : {smtp, session()}) {
      for (const testing::Chunk& chunk : part) {
        if (chunk.direction == side) flow.send(side, chunk.bytes);
      }
    }
    EXPECT_EQ(flow.flow.app, AppProtocol::tls);
    flow.end();
    EXPECT_EQ(flow.sink.records.size(), 1u);
  }
  const Octets hello = session()[0].bytes;
  for (std::size_t at = 1; at < hello.size(); ++at) {
    Flow flow;
    flow.send(smtp);
    flow.send(to_server, {hello.begin(), hello.begin() + static_cast<std::ptrdiff_t>(at)});
    flow.send(to_server, {hello.begin() + static_cast<std::ptrdiff_t>(at), hello.end()});
    EXPECT_EQ(flow.flow.app, AppProtocol::tls) << at;
  }
}

TEST(TlsUpgrade, what_never_upgrades_is_left_alone_after_so_many_pieces) {
  Flow flow;
  flow.send(smtp[0].direction, smtp[0].bytes);
  flow.send(smtp[1].direction, smtp[1].bytes);
  const unsigned more = Dispatcher::probes_max + Dispatcher::upgrade_pieces_max - 2;
  for (unsigned i = 0; i < more; ++i) {
    EXPECT_FALSE(flow.is_settled()) << i;
    flow.send(to_server, octets("MAIL FROM:<a@example.jp>\r\n"));
  }
  EXPECT_TRUE(flow.is_settled());
  flow.send(session());
  EXPECT_EQ(flow.flow.app, AppProtocol::unknown);
  flow.end();
  EXPECT_TRUE(flow.sink.records.empty());
  // One of another protocol is not waited for.
  Flow other;
  for (unsigned i = 0; i < Dispatcher::probes_max; ++i) other.send(to_server, octets("hello\r\n"));
  EXPECT_TRUE(other.is_settled());
}

}  // namespace
}  // namespace tsujiban::tls
