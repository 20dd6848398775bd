// Allow entries by domain on the whole way: DNS answers of other pairs, SNI and Host, and flows that never say a name.
#include <gtest/gtest.h>

#include <algorithm>

#include "pipeline/pipeline_test_support.h"

namespace tsujiban::pipeline {
namespace {

constexpr End ems{0xc0a80102, 40000}, resolver{0xc0a80101, 53}, cloud{0xcb00714d, 443}, web{0xcb00714d, 80};
constexpr std::uint8_t syn = tcp_flag::syn, ack = tcp_flag::ack;
constexpr std::string_view site =
    "assets:\n"
    "  - {name: hems, role: ems, address: 192.168.1.2}\n"
    "allow:\n"
    "  - {from: hems, to: vtn.example.jp, ports: [tcp/443, tcp/80, udp/443]}\n"
    "  - {from: hems, to: 192.168.1.1, ports: [udp/53]}\n";

std::string dns(std::uint16_t id, std::string_view name, std::uint32_t address) {
  std::string message = {static_cast<char>(id >> 8), static_cast<char>(id)};
  const bool answer = address != 0;
  message += std::string(answer ? "\x81\x80" : "\x01\x00", 2) + std::string("\0\1\0", 3) + (answer ? '\1' : '\0') +
             std::string(4, '\0');
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    message += static_cast<char>(end - begin);
    message += name.substr(begin, end - begin);
    begin = end + 1;
  }
  message += std::string("\0\0\1\0\1", 5);
  if (answer) {
    message += std::string("\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4", 12);
    for (int shift = 24; shift >= 0; shift -= 8) message += static_cast<char>(address >> shift);
  }
  return message;
}

// RFC 8446, 4.1.2, with one suite and a server name (RFC 6066, 3).
std::string client_hello(std::string_view name) {
  const auto u16 = [](std::size_t v) { return std::string{static_cast<char>(v >> 8), static_cast<char>(v)}; };
  std::string extensions;
  if (!name.empty()) {
    const std::string entry = std::string(1, '\0') + u16(name.size()) + std::string(name);
    extensions = u16(0) + u16(entry.size() + 2) + u16(entry.size()) + entry;
  }
  std::string body = "\3\3" + std::string(32, 'r') + std::string(1, '\0') + u16(2) + "\x13\x01" +
                     std::string("\1\0", 2) + u16(extensions.size()) + extensions;
  body = std::string("\1\0", 2) + u16(body.size()) + body;
  return "\x16\3\1" + u16(body.size()) + body;
}

Bench bench_of(unsigned workers = 1, unsigned index = 0, std::uint32_t facts = 0) {
  return Bench({}, EventTypes::all(), workers, index, facts, site);
}
std::size_t denials(const Bench& bench) {
  return static_cast<std::size_t>(std::count_if(bench.lines.begin(), bench.lines.end(), [](const std::string& l) {
    return l.find("policy.peer-not-allowed") != std::string::npos && l.find("203.0.113.77") != std::string::npos;
  }));
}
void open(Bench& bench, End from, End to, double t) {
  bench.packet(tcp_frame(from, to, 999, 0, syn, ""), t);
  bench.packet(tcp_frame(to, from, 4999, 1000, syn | ack, ""), t + 0.01);
  bench.packet(tcp_frame(from, to, 1000, 5000, ack, ""), t + 0.02);
}
void say(Bench& bench, End from, End to, std::string_view text, double t) {
  bench.packet(tcp_frame(from, to, 1000, 5000, ack, text), t);
}

TEST(WorkerNames, an_answer_of_the_name_service_allows_the_address) {
  for (const bool asked : {true, false}) {
    Bench bench = bench_of();
    if (asked) bench.packet(udp_frame(ems, resolver, dns(7, "vtn.example.jp", 0)), 1);
    bench.packet(udp_frame(resolver, ems, dns(7, "vtn.example.jp", cloud.address)), 1.1);
    // Datagrams say no name of their own: only the name service can.
    bench.packet(udp_frame(ems, cloud, "x"), 2);
    bench.finish();
    EXPECT_EQ(denials(bench), asked ? 0u : 1u) << "an answer that nobody asked for allows nothing";
  }
}

// With the length that stands before a message over TCP (RFC 1035, 4.2.2).
std::string with_length(std::string_view message) {
  return std::string{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())} + std::string(message);
}

// A question and its answer over TCP, the answer in two pieces cut at `cut`, then what an allow entry by name allows.
std::size_t denials_after_tcp(Bench& bench, std::size_t cut, std::string_view before = {}, bool swapped = false) {
  const End asker{ems.address, 40053};
  open(bench, asker, resolver, 1);
  say(bench, asker, resolver, with_length(dns(7, "vtn.example.jp", 0)), 1.1);
  const std::string answer = std::string(before) + with_length(dns(7, "vtn.example.jp", cloud.address));
  const auto piece = [&](std::size_t from, std::size_t to) {
    bench.packet(tcp_frame(resolver, asker, static_cast<std::uint32_t>(5000 + from), 1034, ack,
                           std::string_view(answer).substr(from, to - from)),
                 1.2);
  };
  if (swapped) piece(cut, answer.size());
  piece(0, cut);
  piece(0, cut);  // Again.
  if (!swapped) piece(cut, answer.size());
  bench.packet(udp_frame(ems, cloud, "x"), 2);
  bench.finish();
  return denials(bench);
}

TEST(WorkerNames, an_answer_over_tcp_teaches_every_worker_wherever_it_is_cut) {
  const std::size_t size = with_length(dns(7, "vtn.example.jp", cloud.address)).size();
  for (std::size_t cut = 1; cut < size; ++cut) {
    Bench bench = bench_of();
    EXPECT_EQ(denials_after_tcp(bench, cut), 0u) << cut;
  }
  for (unsigned index = 0; index < 4; ++index) {
    Bench bench = bench_of(4, index);
    EXPECT_EQ(denials_after_tcp(bench, 20), 0u) << index;
  }
}

TEST(WorkerNames, messages_over_tcp_may_be_empty_too_long_or_others_answers) {
  std::string before = with_length("") + with_length(std::string(NameStreams::answer_bytes_max + 1, 'x')) +
                       with_length(dns(8, "vtn.example.jp", 1)) + with_length("short");
  for (std::size_t cut = 1; cut < 30; ++cut) {
    Bench bench = bench_of();
    EXPECT_EQ(denials_after_tcp(bench, cut, before.substr(0, 2)), 0u) << cut;
  }
  for (const std::size_t cut : {std::size_t{3}, std::size_t{1400}, before.size() + 1}) {
    Bench bench = bench_of();
    // Frames of the test may be as long as that.
    EXPECT_EQ(denials_after_tcp(bench, cut, before), 0u) << cut;
  }
}

TEST(WorkerNames, what_overtook_another_segment_or_began_unseen_teaches_nothing) {
  Bench swapped = bench_of();
  EXPECT_EQ(denials_after_tcp(swapped, 20, {}, true), 1u);
  Bench unseen = bench_of();
  const End asker{ems.address, 40053};
  say(unseen, asker, resolver, with_length(dns(7, "vtn.example.jp", 0)), 1.1);
  unseen.packet(tcp_frame(resolver, asker, 5000, 1034, ack, with_length(dns(7, "vtn.example.jp", cloud.address))), 1.2);
  unseen.packet(udp_frame(ems, cloud, "x"), 2);
  unseen.finish();
  EXPECT_EQ(denials(unseen), 1u);
}

TEST(WorkerNames, every_worker_reads_every_answer) {
  for (unsigned index = 0; index < 4; ++index) {
    Bench bench = bench_of(4, index);
    bench.packet(udp_frame(ems, resolver, dns(7, "vtn.example.jp", 0)), 1);
    bench.packet(udp_frame(resolver, ems, dns(7, "vtn.example.jp", cloud.address)), 1.1);
    bench.packet(udp_frame(ems, cloud, "x"), 2);
    bench.finish();
    EXPECT_EQ(denials(bench), 0u) << index;
  }
}

TEST(WorkerNames, the_server_name_of_tls_decides_also_where_it_comes_in_pieces) {
  for (const std::string_view name : {"vtn.example.jp", "VTN.example.JP", "evil.example", ""}) {
    const std::string hello = client_hello(name);
    const bool listed = name.size() == 14;
    for (const std::size_t cut : {std::size_t{0}, std::size_t{3}, std::size_t{40}, hello.size() - 1}) {
      Bench bench = bench_of();
      open(bench, ems, cloud, 1);
      EXPECT_EQ(denials(bench), 0u);
      if (cut != 0) say(bench, ems, cloud, std::string_view(hello).substr(0, cut), 2);
      bench.packet(
          tcp_frame(ems, cloud, static_cast<std::uint32_t>(1000 + cut), 5000, ack, std::string_view(hello).substr(cut)),
          3);
      bench.drain();
      EXPECT_EQ(denials(bench), listed ? 0u : 1u) << name << " " << cut;
      bench.finish();
    }
  }
}

TEST(WorkerNames, the_host_of_a_request_decides) {
  const auto denied = [](std::string_view request) {
    Bench bench = bench_of();
    open(bench, ems, web, 1);
    say(bench, ems, web, request, 2);
    bench.drain();
    return denials(bench);
  };
  EXPECT_EQ(denied("GET / HTTP/1.1\r\nHost: vtn.example.jp:80\r\n\r\n"), 0u);
  EXPECT_EQ(denied("GET http://vtn.example.jp/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 0u);
  EXPECT_EQ(denied("GET http://evil.example/ HTTP/1.1\r\nHost: vtn.example.jp\r\n\r\n"), 1u);
  EXPECT_EQ(denied("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 1u);
  EXPECT_EQ(denied("GET / HTTP/1.0\r\n\r\n"), 1u);
  EXPECT_EQ(denied("what says no names at all"), 0u) << "not decided before more of it came";
}

TEST(WorkerNames, who_says_no_name_is_told_when_a_minute_is_over_or_the_flow) {
  Bench silent = bench_of();
  silent.packet(tcp_frame(ems, cloud, 999, 0, syn, ""), 10);
  silent.drain();
  EXPECT_EQ(denials(silent), 0u);
  silent.finish();
  EXPECT_EQ(denials(silent), 1u) << "a connection that nobody answered";

  Bench slow = bench_of();
  open(slow, ems, cloud, 10);
  slow.packet(tcp_frame(ems, cloud, 1000, 5000, ack, ""), 40);
  slow.drain();
  EXPECT_EQ(denials(slow), 0u);
  slow.packet(tcp_frame(ems, cloud, 1000, 5000, ack, ""), 130);
  slow.drain();
  EXPECT_EQ(denials(slow), 1u);
}

TEST(WorkerNames, what_began_before_the_watch_is_not_held_against_anybody_and_said) {
  Bench bench = bench_of(1, 0, 1u << static_cast<unsigned>(FactKind::conversation));
  bench.packet(tcp_frame(ems, cloud, 5, 6, ack, "\x17\3\3\0\1x"), 10);
  bench.packet(tcp_frame(cloud, ems, 6, 11, ack, "\x17\3\3\0\1y"), 11);
  for (int t = 20; t < 200; t += 20) bench.packet(tcp_frame(ems, cloud, 11, 12, ack, ""), t);
  bench.finish();
  EXPECT_EQ(denials(bench), 0u);
  ASSERT_FALSE(bench.facts.empty());
  EXPECT_TRUE(bench.facts[0].conversation.unnamed);
}

TEST(WorkerNames, a_name_holds_for_the_pair_s_next_flows) {
  Bench bench = bench_of();
  open(bench, ems, cloud, 1);
  say(bench, ems, cloud, client_hello("vtn.example.jp"), 2);
  bench.packet(udp_frame(ems, cloud, "quic"), 3);
  bench.finish();
  EXPECT_EQ(denials(bench), 0u);
}

// Another configuration for the bench's worker, which takes it at its next packet; lives as long as the worker may.
std::unique_ptr<Replacement> reload(Bench& bench, std::string_view yaml) {
  std::vector<config::Fault> faults;
  Configured next = bench.run;
  next.config = config::load_text("site.yaml", yaml, faults);
  EXPECT_TRUE(faults.empty());
  next.inventory = std::make_shared<const policy::Inventory>(next.config);
  next.allow = next.config->has_inventory() ? std::make_shared<const policy::AllowList>(next.inventory) : nullptr;
  const std::unique_ptr<metrics::WorkerCounters> counters[1] = {std::make_unique<metrics::WorkerCounters>()};
  auto made = make_replacement(bench.run, next, counters);
  static_cast<Configured&>(bench.run) = next;
  bench.worker->replacement().put(*made);
  return made;
}

TEST(WorkerNames, what_names_mean_is_known_on_after_a_reload_though_all_numbers_are_others) {
  const std::string assets =
      "assets:\n  - {name: camera, role: device, address: 192.168.1.9}\n"
      "  - {name: hems, role: ems, address: 192.168.1.2}\n";
  const std::string to_resolver = "  - {from: hems, to: 192.168.1.1, ports: [udp/53]}\n";
  const std::string other = assets + "allow:\n  - {from: camera, to: other.example.jp}\n" + to_resolver;
  const std::string both = other + "  - {from: hems, to: vtn.example.jp, ports: [tcp/443, tcp/80, udp/443]}\n";
  Bench bench = bench_of();
  bench.packet(udp_frame(ems, resolver, dns(7, "vtn.example.jp", 0)), 1);
  bench.packet(udp_frame(resolver, ems, dns(7, "vtn.example.jp", cloud.address)), 1.1);
  bench.packet(udp_frame(ems, cloud, "x"), 2);
  const auto first = reload(bench, both);
  bench.packet(udp_frame(ems, cloud, "y"), 3);
  bench.drain();
  EXPECT_EQ(denials(bench), 0u);
  // Where no entry has the name any more it is forgotten, and where none has a domain so is all of it.
  const auto second = reload(bench, other);
  bench.packet(udp_frame(ems, cloud, "z"), 4);
  bench.drain();
  EXPECT_EQ(denials(bench), 1u);
  const auto third = reload(bench, assets + "allow:\n" + to_resolver);
  bench.packet(udp_frame(ems, resolver, dns(8, "vtn.example.jp", 0)), 5);
  const auto fourth = reload(bench, "site: {name: x}\n");
  bench.packet(udp_frame(resolver, ems, dns(8, "vtn.example.jp", cloud.address)), 6);
  bench.packet(udp_frame(ems, cloud, "z"), 7);
  const auto fifth = reload(bench, both);
  bench.packet(udp_frame(ems, resolver, dns(9, "vtn.example.jp", 0)), 70);
  bench.packet(udp_frame(resolver, ems, dns(9, "vtn.example.jp", cloud.address)), 70.1);
  const std::size_t before = denials(bench);
  bench.packet(udp_frame({ems.address, 40001}, cloud, "z"), 400);
  bench.finish();
  EXPECT_EQ(denials(bench), before);
}

// A verdict that waited for a name is not asked for where there is no list any more.
TEST(WorkerNames, a_flow_that_waits_for_a_name_ends_quietly_without_an_inventory) {
  Bench bench = bench_of();
  open(bench, ems, cloud, 1);
  const auto made = reload(bench, "site: {name: x}\n");
  bench.packet(arp_frame(1, 2), 2);
  bench.finish();
  EXPECT_EQ(denials(bench), 0u);
}

}  // namespace
}  // namespace tsujiban::pipeline
