#include "output/eve_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace tsujiban::output {
namespace {

namespace fs = std::filesystem;

class Sink : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("tsujiban-sink-" + std::to_string(getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder);
    path = folder / "eve.json";
  }
  void TearDown() override { fs::remove_all(folder); }
  static std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder)) all.push_back(entry.path().filename());
    std::sort(all.begin(), all.end());
    return all;
  }
  EveSink::Options options() const { return {path.string(), false, 0, -1}; }
  std::uint64_t result(metrics::OutputResult r) const { return metrics.events[static_cast<std::size_t>(r)].value(); }

  fs::path folder, path;
  metrics::SinkMetrics metrics;
  // 2026-11-20T00:00:00Z
  PacketTime noon{1795132800'000000000};
};

TEST_F(Sink, read_begins_a_file_anew_and_run_goes_on_in_it) {
  std::ofstream(path) << "old\n";
  EveSink::Options append = options();
  append.append = true;
  {
    EveSink sink(append, metrics);
    ASSERT_TRUE(sink.open());
    ASSERT_TRUE(sink.write("{\"a\":1}\n", 1, noon));
    ASSERT_TRUE(sink.close());
  }
  EXPECT_EQ(content(path), "old\n{\"a\":1}\n");
  EveSink sink(options(), metrics);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write("{}\n{}\n", 2, noon));
  ASSERT_TRUE(sink.close());
  EXPECT_EQ(content(path), "{}\n{}\n");
  EXPECT_EQ(result(metrics::OutputResult::written), 3u);
  EXPECT_EQ(metrics.bytes.value(), 14u);
}

TEST_F(Sink, events_are_readable_by_owner_and_group_only) {
  EveSink sink(options(), metrics);
  ASSERT_TRUE(sink.open());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07, 0u);
}

TEST_F(Sink, more_than_the_buffer_arrives_whole_and_in_order) {
  EveSink sink(options(), metrics);
  ASSERT_TRUE(sink.open());
  std::string expected;
  for (int i = 0; i < 50000; ++i) {
    const std::string line =
        "{\"n\":" + std::to_string(i) + ",\"text\":\"" + std::string(static_cast<std::size_t>(i % 90), 'x') + "\"}\n";
    expected += line;
    ASSERT_TRUE(sink.write(line, 1, noon));
  }
  ASSERT_TRUE(sink.close());
  EXPECT_TRUE(content(path) == expected);
  EXPECT_EQ(result(metrics::OutputResult::written), 50000u);
}

TEST_F(Sink, a_path_that_cannot_be_opened_is_told_with_its_name) {
  EveSink::Options o = options();
  o.path = (folder / "absent" / "eve.json").string();
  EveSink sink(o, metrics);
  EXPECT_FALSE(sink.open());
  EXPECT_EQ(sink.error(), "cannot open " + o.path + ": No such file or directory");
  o.path = folder.string();
  EveSink on_folder(o, metrics);
  EXPECT_FALSE(on_folder.open());
  EXPECT_NE(on_folder.error().find("Is a directory"), std::string::npos);
}

TEST_F(Sink, a_full_disk_is_told_and_what_waits_is_counted_when_it_is_lost) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "/dev/full is absent";
  EveSink::Options o = options();
  o.path = "/dev/full";
  o.append = true;
  EveSink sink(o, metrics);
  ASSERT_TRUE(sink.open());
  const std::string line(1023, 'x');
  int taken = 0;
  while (sink.write(line + "\n", 1, noon)) ++taken;
  EXPECT_EQ(taken, 1024);  // The buffer, whole: nothing is thrown away before it is full.
  EXPECT_TRUE(sink.failed());
  EXPECT_EQ(sink.error(), "cannot write /dev/full: No space left on device");
  EXPECT_EQ(result(metrics::OutputResult::failed), 1u);
  EXPECT_EQ(result(metrics::OutputResult::written), 0u);
  EXPECT_FALSE(sink.close());
}

// A limit on the file's size ends a write in the middle of a line; the rest follows when there is room again.
TEST_F(Sink, a_short_write_is_continued_where_it_ended) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  EveSink sink(options(), metrics);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write("{\"a\":111}\n{\"b\":222}\n{\"c\":333}\n", 3, noon));
  rlimit small = before;
  small.rlim_cur = 13;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const bool flushed = sink.flush();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(flushed);
  EXPECT_EQ(content(path).size(), 13u);
  EXPECT_EQ(result(metrics::OutputResult::written), 1u);
  EXPECT_NE(sink.error().find("File too large"), std::string::npos);
  EXPECT_TRUE(sink.flush());
  EXPECT_FALSE(sink.failed());
  EXPECT_EQ(content(path), "{\"a\":111}\n{\"b\":222}\n{\"c\":333}\n");
  EXPECT_EQ(result(metrics::OutputResult::written), 3u);
}

TEST_F(Sink, a_line_torn_by_a_full_disk_is_whole_in_the_file_opened_next) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  EveSink sink(options(), metrics);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write("{\"a\":111}\n{\"b\":222}\n", 2, noon));
  rlimit small = before;
  small.rlim_cur = 13;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  sink.flush();
  fs::rename(path, folder / "moved");
  small.rlim_cur = 4;
  setrlimit(RLIMIT_FSIZE, &small);
  sink.request_reopen();
  sink.flush();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_TRUE(sink.close());
  EXPECT_EQ(content(folder / "moved"), "{\"a\":111}\n{\"b");
  EXPECT_EQ(content(path), "{\"b\":222}\n");
}

TEST_F(Sink, reopening_follows_a_log_rotation_by_somebody_else) {
  EveSink::Options o = options();
  o.append = true;
  EveSink sink(o, metrics);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write("1\n", 1, noon));
  fs::rename(path, folder / "eve.json.1");
  sink.request_reopen();
  ASSERT_TRUE(sink.write("2\n", 1, noon));
  ASSERT_TRUE(sink.close());
  EXPECT_EQ(content(folder / "eve.json.1"), "1\n");
  EXPECT_EQ(content(path), "2\n");
}

TEST_F(Sink, rotation_names_the_old_file_by_packet_time_and_never_overwrites) {
  EveSink::Options o = options();
  o.rotate_bytes = 10;
  EveSink sink(o, metrics);
  ASSERT_TRUE(sink.open());
  for (const char* line : {"{\"n\":1}\n", "{\"n\":2}\n", "{\"n\":3}\n"}) ASSERT_TRUE(sink.write(line, 1, noon));
  ASSERT_TRUE(sink.close());
  EXPECT_EQ(names(),
            (std::vector<std::string>{"eve.json", "eve.json.20261120T000000Z", "eve.json.20261120T000000Z-1"}));
  EXPECT_EQ(content(folder / "eve.json.20261120T000000Z"), "{\"n\":1}\n");
  EXPECT_EQ(content(folder / "eve.json.20261120T000000Z-1"), "{\"n\":2}\n");
  EXPECT_EQ(content(path), "{\"n\":3}\n");
  EXPECT_EQ(metrics.rotations.value(), 2u);
}

TEST_F(Sink, an_event_longer_than_the_buffer_is_refused_and_counted) {
  EveSink sink(options(), metrics);
  ASSERT_TRUE(sink.open());
  EXPECT_FALSE(sink.write(std::string(EveSink::buffer_bytes + 1, 'x'), 1, noon));
  EXPECT_EQ(result(metrics::OutputResult::failed), 1u);
  EXPECT_TRUE(sink.write("{}\n", 1, noon));
  EXPECT_TRUE(sink.close());
  EXPECT_EQ(content(path), "{}\n");
}

// A pipe whose reader is slow or absent: `read` waits, `run` gives up after its time.
TEST_F(Sink, a_full_pipe_is_waited_for) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] {
    const int fd = ::open(path.c_str(), O_RDONLY);
    char piece[4096];
    for (ssize_t n; (n = ::read(fd, piece, sizeof piece)) > 0;) got.append(piece, static_cast<std::size_t>(n));
    ::close(fd);
  });
  EveSink sink(options(), metrics);
  ASSERT_TRUE(sink.open());
  const std::string line(999, 'y');
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(sink.write(line + "\n", 1, noon));
  EXPECT_TRUE(sink.close());
  reader.join();
  EXPECT_EQ(got.size(), 3'000'000u);
}

}  // namespace
}  // namespace tsujiban::output
