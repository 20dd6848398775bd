#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "dissectors/dns/dns_facts.h"
#include "dissectors/dns/dns_json.h"
#include "dissectors/dns/dns_name.h"
#include "dissectors/dns/dns_test_sink.h"

namespace tsujiban::dns {
namespace {

using testing::Bench;
using testing::Builder;
using testing::bytes_of;
using testing::Octets;
using testing::sample_answer;
using testing::sample_query;
using testing::ToldAnomaly;

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(DnsRecord, query_is_written_as_suricata_writes_it) {
  Bench bench;
  bench.ask(sample_query());
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_EQ(bench.last(),
            R"({"version":2,"type":"query","id":4660,"rrname":"www.example.jp","rrtype":"A","opcode":0})");
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_EQ(bench.sink.source, Bench::client);
}

TEST(DnsRecord, answer_is_written_as_suricata_writes_it_with_edns_behind) {
  Bench bench;
  bench.answer(sample_answer());
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_EQ(bench.last(),
            R"({"version":2,"type":"answer","id":4660,"flags":"8180","qr":true,"rd":true,"ra":true,"opcode":0,)"
            R"("rrname":"www.example.jp","rrtype":"A","rcode":"NOERROR","answers":[)"
            R"({"rrname":"www.example.jp","rrtype":"CNAME","ttl":300,"rdata":"host.example.jp"},)"
            R"({"rrname":"host.example.jp","rrtype":"A","ttl":60,"rdata":"192.0.2.1"},)"
            R"({"rrname":"host.example.jp","rrtype":"A","ttl":60,"rdata":"192.0.2.2"}],)"
            R"("grouped":{"CNAME":["host.example.jp"],"A":["192.0.2.1","192.0.2.2"]},)"
            R"("authorities":[{"rrname":"example.jp","rrtype":"NS","ttl":3600,"rdata":"ns.example.jp"}],)"
            R"("edns":{"version":0,"udp_size":1232}})");
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_EQ(bench.sink.source, Bench::client) << "the addresses of the flow, as in Suricata";
}

TEST(DnsRecord, all_common_types_read) {
  const auto text = [](std::string_view s) {
    Octets bytes = {static_cast<std::uint8_t>(s.size())};
    bytes.insert(bytes.end(), s.begin(), s.end());
    return bytes;
  };
  const auto joined = [](std::initializer_list<Octets> parts) {
    Octets all;
    for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  const Octets host = Builder{}.name("h.jp").bytes;
  struct Case {
    std::uint16_t type;
    Octets data;
    std::string_view expected;
  } cases[] = {
      {rr::a, {1, 2, 3, 4}, R"("rrtype":"A","ttl":9,"rdata":"1.2.3.4"})"},
      {rr::aaaa, bytes_of("20010db8000000000000000000000001"),
       R"("rrtype":"AAAA","ttl":9,"rdata":"2001:0db8:0000:0000:0000:0000:0000:0001"})"},
      {rr::ns, host, R"("rdata":"h.jp"})"},
      {rr::ptr, host, R"("rrtype":"PTR","ttl":9,"rdata":"h.jp"})"},
      {rr::mx, joined({{0, 10}, host}), R"("rdata":"h.jp","preference":10})"},
      {rr::txt, joined({text("one"), text("two")}),
       R"("rdata":"one"},{"rrname":"x.jp","rrtype":"TXT","ttl":9,"rdata":"two"}])"},
      {rr::txt, {}, R"("rrtype":"TXT","ttl":9,"rdata":""})"},
      {rr::soa, joined({host, host, bytes_of("0000000100000002000000030000000400000005")}),
       R"("soa":{"mname":"h.jp","rname":"h.jp","serial":1,"refresh":2,"retry":3,"expire":4,"minimum":5}})"},
      {rr::srv, joined({bytes_of("000100020050"), host}),
       R"("srv":{"priority":1,"weight":2,"port":80,"name":"h.jp"}})"},
      {rr::sshfp, bytes_of("0101AABB"), R"("sshfp":{"fingerprint":"aa:bb","algo":1,"type":1}})"},
      {rr::null, {'a', 0xFF}, R"("rdata":"a\\xff"})"},
      {rr::hinfo, joined({text("PC"), text("NetBSD")}), R"("rdata":"\"PC\" \"NetBSD\""})"},
      {rr::naptr, joined({bytes_of("0064000A"), text("S"), text("SIP+D2U"), text(""), host}),
       R"("rdata":"100 10 \"S\" \"SIP+D2U\" \"\" h.jp"})"},
      {rr::https, bytes_of("0001 00 0001 0006 02 6832 02 6833 0003 0002 01BB 0004 0004 01020304"),
       R"("rrtype":"HTTPS","ttl":9,"rdata":"1 . alpn=h2,h3 port=443 ipv4hint=1.2.3.4"})"},
      {rr::svcb, bytes_of("0000 00"), R"("rrtype":"SVCB","ttl":9,"rdata":"0 ."})"},
      {rr::caa, joined({{0}, text("issue"), {'p', '.', 'g'}}), R"("rdata":"0 issue \"p.g\""})"},
      {rr::ds, bytes_of("0001 08 02 ABCD"), R"("rdata":"1 8 2 abcd"})"},
      {rr::dnskey, bytes_of("0101 03 08 FF"), R"("rdata":"257 3 8 ff"})"},
      {rr::tlsa, bytes_of("03 01 01 FF"), R"("rdata":"3 1 1 ff"})"},
      {rr::rrsig, joined({bytes_of("0001 08 02 0000003C 00000002 00000001 0007"), host, {0xEE}}),
       R"("rdata":"A 8 2 60 2 1 7 h.jp"})"},
      {rr::nsec, joined({host, bytes_of("00 01 42")}), R"("rdata":"h.jp A SOA"})"},
      {0xFF42, bytes_of("0102FE"), R"("rrtype":"TYPE65346","ttl":9,"rdata_hex":"0102fe"})"},
  };
  for (const Case& c : cases) {
    Bench bench;
    bench.answer(Builder{}.header(1, 0x8400, 0, 1).record("x.jp", c.type, 9, c.data).bytes);
    ASSERT_EQ(bench.sink.records.size(), 1u);
    EXPECT_TRUE(contains(bench.last(), c.expected)) << bench.last();
    EXPECT_FALSE(contains(bench.last(), "malformed")) << bench.last();
    EXPECT_TRUE(bench.sink.anomalies.empty());
    // One byte less or more than the type has is told; the types whose data ends in bytes of any number take both.
    if (c.type == rr::a || c.type == rr::aaaa || c.type == rr::soa || c.type == rr::srv) {
      for (const int change : {-1, 1}) {
        Octets data = c.data;
        data.resize(static_cast<std::size_t>(static_cast<int>(data.size()) + change));
        Bench broken;
        broken.answer(Builder{}.header(1, 0x8400, 0, 1).record("x.jp", c.type, 9, data).bytes);
        EXPECT_TRUE(contains(broken.last(), "malformed")) << broken.last();
        EXPECT_TRUE(contains(broken.last(), "rdata_hex")) << broken.last();
      }
    }
  }
}

TEST(DnsRecord, a_query_with_several_questions_gives_a_record_each_and_a_bound_holds) {
  Builder b;
  b.header(7, 0, questions_written_max + 1);
  for (unsigned i = 0; i <= questions_written_max; ++i) b.question(std::string(1, static_cast<char>('a' + i)), 1);
  Bench bench;
  bench.ask(b.bytes);
  EXPECT_EQ(bench.sink.records.size(), questions_written_max);
  EXPECT_TRUE(contains(bench.sink.records[1], R"("rrname":"b")"));
}

TEST(DnsRecord, names_with_odd_bytes_are_escaped_as_suricata_does) {
  Bench bench;
  bench.ask(Builder{}.header(1, 0, 1).question("a\x01\"b\xC3\xA9.jp", 1).bytes);
  EXPECT_TRUE(contains(bench.last(), "\"rrname\":\"a\\u0001\\\"b\xC3\xA9.jp\"")) << bench.last();
  bench.ask(Builder{}.header(1, 0, 1).question("a\xFF.jp", 1).bytes);
  EXPECT_TRUE(contains(bench.last(), R"("rrname":"a\\xff.jp")")) << bench.last();
}

TEST(DnsRecord, mdns_and_llmnr_are_told_apart) {
  const IpAddress group = IpAddress::v4(0xE00000FB);
  Bench bench;
  bench.send(Bench::client, port_mdns, group, port_mdns,
             Builder{}.header(0, 0, 1).question("_echonet._udp.local", rr::ptr, 0x8001).bytes);
  EXPECT_EQ(bench.last(), R"({"version":2,"type":"query","id":0,"rrname":"_echonet._udp.local","rrtype":"PTR",)"
                          R"("unicast_response":true,"opcode":0,"transport":"mdns"})");
  bench.send(Bench::server, port_mdns, group, port_mdns,
             Builder{}.header(0, 0x8400, 0, 1).record("hems.local", rr::a, 120, {192, 168, 20, 1}, 0x8001).bytes);
  EXPECT_EQ(bench.last(),
            R"({"version":2,"type":"answer","id":0,"flags":"8400","qr":true,"aa":true,"opcode":0,"rcode":"NOERROR",)"
            R"("answers":[{"rrname":"hems.local","rrtype":"A","ttl":120,"cache_flush":true,"rdata":"192.168.20.1"}],)"
            R"("grouped":{"A":["192.168.20.1"]},"transport":"mdns"})");
  EXPECT_EQ(bench.sink.source, Bench::server) << "nobody asked";
  bench.send(Bench::client, 50000, IpAddress::v4(0xE00000FC), port_llmnr,
             Builder{}.header(9, 0, 1).question("wpad", rr::a).bytes);
  EXPECT_TRUE(contains(bench.last(), R"("transport":"llmnr")"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(DnsRecord, extended_rcode_and_options_of_edns) {
  Builder b;
  b.header(1, 0x8180, 1, 0, 0, 1).question("x.jp", 1);
  b.u8(0).u16(rr::opt).u16(4096).u32(0x01008000).u16(8).u16(10).u16(4).u32(0x01020304);
  Bench bench;
  bench.answer(b.bytes);
  EXPECT_TRUE(contains(bench.last(), R"("rcode":"NOERROR")"));
  EXPECT_TRUE(contains(bench.last(), R"("edns":{"version":0,"udp_size":4096,"do":true,"rcode":"BADVERS",)"
                                     R"("options":[{"code":10,"data":"01020304"}]})"))
      << bench.last();
}

TEST(DnsRecord, reserved_bit_and_unassigned_opcode_are_told_and_not_malformed) {
  Bench bench;
  bench.ask(Builder{}.header(1, 0x0040 | 9 << 11, 1).question("x.jp", 1).bytes);
  EXPECT_TRUE(contains(bench.last(), R"("z":true,"opcode":9)")) << bench.last();
  EXPECT_FALSE(contains(bench.last(), "malformed"));
  EXPECT_EQ(bench.sink.anomalies,
            (std::vector<ToldAnomaly>{{ParseError::dns_bad_opcode, 2}, {ParseError::dns_reserved_bit, 3}}));
}

// --- Names.

ParseError error_of(const Octets& message) { return read_message(message).error; }

TEST(DnsName, a_pointer_must_point_before_its_own_run_of_labels) {
  EXPECT_EQ(error_of(Builder{}.header(1, 0, 1).u8(1).u8('a').pointer(12).u16(1).u16(1).bytes),
            ParseError::dns_bad_pointer)
      << "to itself";
  EXPECT_EQ(error_of(Builder{}.header(1, 0, 2).pointer(18).u16(1).u16(1).question("x", 1).bytes),
            ParseError::dns_bad_pointer)
      << "forward";
  EXPECT_EQ(error_of(Builder{}.header(1, 0, 1).pointer(4).u16(1).u16(1).bytes), ParseError::dns_bad_pointer)
      << "into the header";
  EXPECT_EQ(error_of(Builder{}.header(1, 0, 2).question("x", 1).pointer(12).u16(1).u16(1).bytes), ParseError::none);
}

TEST(DnsName, a_forward_pointer_is_followed_and_told) {
  Bench bench;
  bench.ask(Builder{}.header(1, 0, 2).pointer(18).u16(1).u16(1).question("x.jp", 1).bytes);
  ASSERT_EQ(bench.sink.records.size(), 2u);
  EXPECT_EQ(bench.sink.records[0], R"({"version":2,"type":"query","id":1,"rrname":"x.jp","rrtype":"A","opcode":0,)"
                                   R"("malformed":{"error":"dns_bad_pointer","offset":12}})");
  EXPECT_EQ(bench.sink.anomalies, (std::vector<ToldAnomaly>{{ParseError::dns_bad_pointer, 12}}));
}

TEST(DnsName, pointers_are_followed_up_to_the_limit) {
  for (const unsigned count : {pointers_max - 1, pointers_max, pointers_max + 1}) {
    // A chain: each question is one label and a pointer to the one before.
    Builder b;
    b.header(1, 0, count + 1).question("a", 1);
    unsigned before = 12;
    for (unsigned i = 0; i < count; ++i) {
      const auto here = static_cast<unsigned>(b.bytes.size());
      b.u8(1).u8('b').pointer(before).u16(1).u16(1);
      before = here;
    }
    EXPECT_EQ(error_of(b.bytes), ParseError::none) << "short of the limit or remembered: " << count;
    const NameWalk walk = walk_name(b.bytes, before, [](Bytes) {});
    EXPECT_EQ(walk.error, count <= pointers_max ? ParseError::none : ParseError::dns_name_too_long);
  }
}

TEST(DnsName, labels_and_names_at_their_limits) {
  EXPECT_EQ(error_of(Builder{}.header(1, 0, 1).question(std::string(63, 'a'), 1).bytes), ParseError::none);
  for (const unsigned bad : {0x40u, 0x80u, 0xBFu})
    EXPECT_EQ(error_of(Builder{}.header(1, 0, 1).u8(bad).u8(0).u16(1).u16(1).bytes), ParseError::dns_bad_label);
  // 255 bytes with length bytes and the end: 3 labels of 63, one of 61 (254 + 1).
  for (const int last : {60, 61, 62}) {
    const std::string label(63, 'a');
    const std::string name = label + "." + label + "." + label + "." + std::string(static_cast<std::size_t>(last), 'b');
    const ParseError expected = last <= 61 ? ParseError::none : ParseError::dns_name_too_long;
    EXPECT_EQ(error_of(Builder{}.header(1, 0, 1).question(name, 1).bytes), expected) << last;
    // The same length through a pointer.
    Builder b;
    b.header(1, 0, 2).question(label + "." + label + "." + label, 1);
    b.u8(static_cast<unsigned>(last));
    for (int i = 0; i < last; ++i) b.u8('b');
    b.pointer(12).u16(1).u16(1);
    EXPECT_EQ(error_of(b.bytes), expected) << last;
  }
}

TEST(DnsName, the_root_is_an_empty_name) {
  Bench bench;
  bench.ask(Builder{}.header(1, 0, 1).question("", rr::ns).bytes);
  EXPECT_TRUE(contains(bench.last(), R"("rrname":"","rrtype":"NS")"));
}

// --- Malformed messages.

TEST(DnsMalformed, every_prefix_is_told_with_what_was_read) {
  const Octets whole = sample_answer();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Bench bench;
    const Octets prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    bench.answer(prefix);
    ASSERT_EQ(bench.sink.anomalies.size(), 1u) << size;
    EXPECT_LE(bench.sink.anomalies[0].offset, size);
    if (size < header_length) {
      EXPECT_TRUE(bench.sink.records.empty());
    } else {
      ASSERT_EQ(bench.sink.records.size(), 1u);
      EXPECT_TRUE(contains(bench.last(), R"("malformed":{"error":")")) << bench.last();
      EXPECT_TRUE(contains(bench.last(), R"("id":4660)"));
    }
    if (size >= 12 + 16 + 4) {
      EXPECT_TRUE(contains(bench.last(), R"("rrname":"www.example.jp")"));
    }
    EXPECT_EQ(bench.told(FactKind::malformed).size(), 1u);
  }
}

TEST(DnsMalformed, counts_that_promise_more_and_bytes_that_follow) {
  Bench bench;
  bench.ask(Builder{}.header(1, 0, 1, 0, 0, 5).question("x", 1).bytes);
  EXPECT_EQ(bench.sink.anomalies, (std::vector<ToldAnomaly>{{ParseError::dns_count_mismatch, 19}}));
  Octets more = sample_query();
  more.push_back(0);
  EXPECT_EQ(read_message(more).error, ParseError::trailing_bytes);
  EXPECT_EQ(read_message(more).error_offset, more.size() - 1);
  EXPECT_EQ(error_of(Builder{}.header(1, 0x8200, 1, 5).question("x", 1).bytes), ParseError::none)
      << "a truncated answer says so";
}

TEST(DnsMalformed, an_rdlength_beyond_the_message_is_told_at_its_place) {
  const Octets message = Builder{}.header(1, 0x8000, 0, 1).u8(0).u16(1).u16(1).u32(0).u16(5).u32(0).bytes;
  EXPECT_EQ(read_message(message).error, ParseError::truncated);
  EXPECT_EQ(read_message(message).error_offset, 21u);
}

TEST(DnsMalformed, an_update_names_record_sets_without_data) {
  EXPECT_EQ(
      error_of(Builder{}.header(1, 5 << 11, 1, 1).question("x.jp", rr::soa).record("a.x.jp", rr::a, 0, {}, 255).bytes),
      ParseError::none);
}

TEST(DnsMalformed, more_records_than_the_limit_end_the_reading) {
  for (const unsigned count : {records_max - 1, records_max, records_max + 1}) {
    Builder b;
    b.header(1, 0x8000, 0, count);
    for (unsigned i = 0; i < count; ++i) b.u8(0).tail(0xFF00, 0, {});
    EXPECT_EQ(error_of(b.bytes), count <= records_max ? ParseError::none : ParseError::dns_too_many_records);
  }
}

TEST(DnsMalformed, mutations_do_no_harm_and_always_give_a_record) {
  std::mt19937_64 random(4);
  const Octets samples[] = {sample_answer(), sample_query()};
  for (unsigned round = 0; round < 20'000; ++round) {
    Octets message = samples[round % 2];
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits)
      message[random() % message.size()] = static_cast<std::uint8_t>(random());
    Bench bench(true, true, 8192);
    bench.answer(message);
    ASSERT_GE(bench.sink.records.size(), 1u);
    ASSERT_FALSE(bench.sink.overflowed);
  }
}

// Found by fuzzing: the empty text of an update's TXT record was copied from a null pointer.
TEST(DnsMalformed, an_empty_txt_record_at_the_end_of_its_message_is_an_empty_text) {
  Bench bench;
  bench.ask(testing::with_length(bytes_of("0360 0000 1000 0100 0001 00")));
  bench.ask(Builder{}.header(0x0BCD, 0x0360, 0, 0, 0, 1).u8(0).tail(rr::txt, 0, {}).bytes);
  EXPECT_TRUE(contains(bench.last(), R"("rrtype":"TXT","ttl":0,"rdata":""})")) << bench.last();
}

// --- Bounds of the record.

TEST(DnsBounds, a_record_that_would_be_too_long_tells_what_it_leaves_out) {
  // One long name, then pointers to it: 12 bytes on the wire, 255 in the record.
  const std::string label(60, 'a');
  const std::string name = label + "." + label + "." + label + "." + label;
  Builder b;
  b.header(1, 0x8000, 1, 1000).question(name, 1);
  for (unsigned i = 0; i < 1000; ++i) b.pointer(12).tail(rr::cname, 1, {0xC0, 12});
  for (const std::size_t room : {std::size_t{4096}, std::size_t{16384}, std::size_t{1} << 20}) {
    Bench bench(true, true, room);
    bench.answer(b.bytes);
    EXPECT_FALSE(bench.sink.overflowed);
    EXPECT_TRUE(contains(bench.last(), R"("records_omitted":)")) << room;
    EXPECT_LT(bench.last().size(), json_bytes_max + json_tail_bytes);
  }
}

TEST(DnsBounds, a_txt_record_of_many_strings_is_bounded) {
  Bench bench;
  bench.answer(Builder{}.header(1, 0x8000, 0, 1).record("x", rr::txt, 1, Octets(30'000, 0)).bytes);
  EXPECT_TRUE(contains(bench.last(), R"("answers":[],"grouped":{},"records_omitted":1)"))
      << bench.last().substr(0, 300);
}

// --- Probe.

TEST(DnsProbe, port_is_a_hint_and_content_decides) {
  using dissect::Probe;
  using dissect::Transport;
  const Octets query = sample_query(), answer = sample_answer();
  EXPECT_EQ(probe(Transport::datagram, true, query), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, false, query), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, false, answer), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, true, bytes_of("16030100C8010000C40303AABBCCDD")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, bytes_of("0001")), Probe::not_mine);
  // NetBIOS name query: the same form, another protocol.
  EXPECT_EQ(probe(Transport::datagram, false,
                  Builder{}.header(1, 0x0110, 1).question("EJFDEBFEEBFACACACACACACACACACAAA", 0x20).bytes),
            Probe::not_mine);
  const Octets stream = testing::with_length(query);
  for (std::size_t size = 0; size <= stream.size(); ++size) {
    const Probe with = probe(Transport::stream, true, Bytes(stream).first(size));
    EXPECT_EQ(with, size < 14 ? Probe::unsure : Probe::mine) << size;
    const Probe without = probe(Transport::stream, false, Bytes(stream).first(size));
    EXPECT_EQ(without, size < stream.size() ? Probe::unsure : Probe::mine) << size;
  }
  const std::string_view http = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(probe(Transport::stream, true, {reinterpret_cast<const std::uint8_t*>(http.data()), http.size()}),
            Probe::not_mine);
}

// --- Facts.

TEST(DnsFacts, an_answer_gives_its_addresses_the_name_that_was_asked) {
  Bench bench(false, true);
  bench.answer(sample_answer());
  bench.answer(sample_answer(2));  // The same again is no news.
  const std::vector<Fact> names = bench.told(FactKind::name_answer);
  ASSERT_EQ(names.size(), 3u);
  EXPECT_EQ(names[0].name_answer.type, rr::cname);
  EXPECT_EQ(names[0].name_answer.target_hash, DomainName::of("host.example.jp").hash);
  EXPECT_EQ(names[1].name_answer.name.view(), "www.example.jp");
  EXPECT_EQ(names[1].name_answer.given, IpAddress::v4(0xC0000201));
  EXPECT_EQ(names[1].name_answer.ttl_s, 60u);
  EXPECT_EQ(names[1].source, Bench::server);
  EXPECT_EQ(names[1].destination, Bench::client);
  const std::vector<Fact> asked = bench.told(FactKind::name_query);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_TRUE(asked[0].name_query.answered);
  EXPECT_EQ(asked[0].source, Bench::client);
  EXPECT_EQ(asked[0].name_query.label_bytes_max, 7);
  EXPECT_EQ(asked[0].name_query.answers, 3);
}

TEST(DnsFacts, an_address_for_another_name_does_not_get_the_name_that_was_asked) {
  Bench bench(false, true);
  bench.answer(Builder{}.header(1, 0x8180, 1, 1).question("a.jp", 1).record("b.jp", rr::a, 1, {1, 2, 3, 4}).bytes);
  ASSERT_EQ(bench.told(FactKind::name_answer).size(), 1u);
  EXPECT_EQ(bench.told(FactKind::name_answer)[0].name_answer.name.view(), "b.jp");
}

TEST(DnsFacts, names_are_lower_case_dots_in_labels_are_escaped_and_long_ones_keep_their_end) {
  Bench bench(false, true);
  bench.ask(Builder{}
                .header(1, 0x0100, 1)
                .u8(4)
                .u8('A')
                .u8('.')
                .u8('\\')
                .u8('b')
                .u8(2)
                .u8('J')
                .u8('P')
                .u8(0)
                .u16(1)
                .u16(1)
                .bytes);
  const std::string label(63, 'x');
  bench.ask(Builder{}.header(2, 0x0100, 1).question(label + "." + label + ".example.jp", 1).bytes);
  std::vector<Fact> asked = bench.told(FactKind::name_query);
  ASSERT_EQ(asked.size(), 1u);
  ASSERT_EQ(bench.told(FactKind::odd_name).size(), 1u) << "a long one is odd";
  asked.push_back(bench.told(FactKind::odd_name)[0]);
  EXPECT_EQ(asked[0].name_query.name.view(), "a\\.\\\\b.jp");
  const std::string whole = label + "." + label + ".example.jp";
  EXPECT_EQ(asked[1].name_query.name.size_bytes, whole.size());
  EXPECT_EQ(asked[1].name_query.name.hash, DomainName::of(whole).hash);
  EXPECT_EQ(asked[1].name_query.name.view(), whole.substr(whole.size() - DomainName::text_max));
  EXPECT_FALSE(asked[1].name_query.answered);
}

TEST(DnsFacts, nxdomain_is_told_with_the_question) {
  Bench bench(false, true);
  bench.answer(Builder{}.header(1, 0x8183, 1).question("qpwoeiruty.example", 1).bytes);
  EXPECT_EQ(bench.told(FactKind::name_query).size(), 0u);
  ASSERT_EQ(bench.told(FactKind::odd_name).size(), 1u);
  EXPECT_EQ(bench.told(FactKind::odd_name)[0].name_query.rcode, 3);
}

TEST(DnsFacts, what_stands_below_a_registered_name_is_long_from_16_bytes_on) {
  const auto is_odd = [](const std::string& name) {
    NameQuery query{};
    query.name = DomainName::of(name);
    return query.is_odd();
  };
  EXPECT_FALSE(is_odd("example"));
  EXPECT_FALSE(is_odd(std::string(60, 'a') + ".example"));
  EXPECT_FALSE(is_odd(std::string(15, 'a') + ".example.jp"));
  EXPECT_TRUE(is_odd(std::string(16, 'a') + ".example.jp"));
  EXPECT_TRUE(is_odd(std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c')));
  EXPECT_TRUE(is_odd(std::string(300, 'a')));
}

TEST(DnsFacts, are_bounded_per_message) {
  Builder b;
  b.header(1, 0x8180, 1, 200).question("a.jp", 1);
  for (unsigned i = 0; i < 200; ++i) b.pointer(12).tail(rr::a, 1, {1, 2, 3, static_cast<std::uint8_t>(i)});
  Bench bench(false, true);
  bench.answer(b.bytes);
  EXPECT_EQ(bench.told(FactKind::name_answer).size(), facts_per_message_max);
}

// Labels are lowered eight bytes at a time where the message has as many: each byte at each place of each label, with
// and without bytes behind the name, is told as one by one.
TEST(DnsName, every_byte_of_a_label_is_told_in_its_form_wherever_it_stands) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (std::size_t length = 1; length <= 18; ++length) {
      for (std::size_t at = 0; at < length; ++at) {
        std::string label(length, 'Q'), expected;
        label[at] = static_cast<char>(byte);
        for (const char c : label) {
          if (c == '.' || c == '\\') expected += '\\';
          expected += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
        for (const std::size_t behind : {0u, 3u, 20u}) {
          const std::string wire =
              static_cast<char>(length) + label + "\2Jp" + std::string(1, '\0') + std::string(behind, '.');
          std::uint8_t longest = 0;
          const DomainName name =
              domain_name({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()}, 0, longest);
          ASSERT_EQ(name.view(), expected + ".jp");
          ASSERT_EQ(longest, std::max<std::size_t>(length, 2));
        }
      }
    }
  }
}

}  // namespace
}  // namespace tsujiban::dns
