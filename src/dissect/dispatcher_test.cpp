#include "dissect/dispatcher.h"

#include <gtest/gtest.h>

#include <string>

#include "dissect/test_sink.h"

namespace tsujiban::dissect {
namespace {

constexpr auto to_server = Direction::to_responder, to_client = Direction::to_initiator;

// What the dissector below was called with.
std::string* told = nullptr;

// A protocol whose client says "ask" first. It writes down what reaches it.
class Listener final : public Dissector {
 public:
  void datagram(const MessageContext&, Bytes, RecordSink&) noexcept override {}
  Progress feed(void*, const MessageContext& context, Bytes stream, RecordSink&) noexcept override {
    *told += side(context) + std::string(stream.begin(), stream.end()) + " ";
    return {Progress::Kind::consumed, static_cast<std::uint32_t>(stream.size())};
  }
  void gap(void*, const MessageContext& context, std::uint32_t missing, RecordSink&) noexcept override {
    *told += side(context) + "gap" + std::to_string(missing) + " ";
  }
  void finish(void*, const MessageContext&, Bytes, RecordSink&) noexcept override {}

 private:
  static std::string side(const MessageContext& context) { return context.direction == to_server ? ">" : "<"; }
};

Probe probe(Transport, bool, Bytes first) noexcept {
  const std::string_view bytes(reinterpret_cast<const char*>(first.data()), first.size());
  if (bytes.starts_with("ask")) return Probe::mine;
  return std::string_view("ask").starts_with(bytes) ? Probe::unsure : Probe::not_mine;
}

const DissectorRow row = {AppProtocol::ftp,
                          false,
                          true,
                          {},
                          8,
                          64,
                          probe,
                          [](const Limits&, metrics::WorkerCounters&, HashSeed) -> std::unique_ptr<Dissector> {
                            return std::make_unique<Listener>();
                          }};

class DispatcherTest : public ::testing::Test {
 protected:
  void SetUp() override { told = &told_; }
  void send(Direction direction, std::string_view text) {
    context.direction = direction;
    dispatcher.bytes(stream, flow, context, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, sink);
  }
  void lose(Direction direction, std::uint32_t missing) {
    context.direction = direction;
    dispatcher.gap(stream, flow, context, missing, sink);
  }

  std::string told_;
  std::unique_ptr<metrics::WorkerCounters> counters = std::make_unique<metrics::WorkerCounters>();
  reassembly::ByteStore store{1 << 16};
  testing::TestSink sink{EventType::ftp};
  Dispatcher dispatcher{{&row, 1}, {}, 4, HashSeed{}, *counters, store};
  MessageContext context{};
  flow::Flow flow{};
  std::uint32_t stream = 0;
};

TEST_F(DispatcherTest, what_is_lost_of_a_known_stream_is_told_with_its_size) {
  send(to_server, "ask");
  lose(to_client, 100);
  send(to_client, "answer");
  EXPECT_EQ(told_, ">ask <gap100 <answer ");
}

// The server's first bytes are lost before the client has said what this is.
TEST_F(DispatcherTest, a_side_that_lost_its_beginning_does_not_begin_behind_it) {
  lose(to_client, 100);
  send(to_server, "ask");
  send(to_client, "swer");
  send(to_client, "more");
  EXPECT_EQ(told_, ">ask <gap1 <swer <more ");
}

TEST_F(DispatcherTest, the_side_that_is_recognised_behind_a_gap_begins_there) {
  lose(to_server, 7);
  send(to_server, "ask");
  send(to_server, "more");
  send(to_client, "answer");
  EXPECT_EQ(told_, ">ask >more <answer ");
}

TEST_F(DispatcherTest, bytes_that_were_kept_to_be_recognised_go_with_the_gap_behind_them) {
  send(to_server, "a");
  send(to_client, "banner");
  lose(to_server, 3);
  lose(to_client, 5);
  send(to_server, "a");
  send(to_server, "sk");
  send(to_client, "rest");
  lose(to_client, 9);
  send(to_client, "end");
  EXPECT_EQ(told_, ">ask <gap1 <rest <gap9 <end ");
}

TEST_F(DispatcherTest, what_nobody_recognises_is_left_alone_gaps_or_not) {
  for (unsigned i = 0; i < Dispatcher::probes_max; ++i) {
    lose(to_server, 1);
    send(to_server, "other");
  }
  EXPECT_NE(flow.flags & flow::flow_flag::app_settled, 0);
  send(to_server, "ask");
  lose(to_server, 1);
  EXPECT_EQ(told_, "");
  EXPECT_EQ(stream, 0u);
}

}  // namespace
}  // namespace tsujiban::dissect
