#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include "capture/capture_test_support.h"
#include "capture/mapped_file.h"

namespace tsujiban::capture::test {
namespace {

std::unique_ptr<PacketSource> must_open(const std::vector<std::string>& paths) {
  std::string error;
  auto source = open_capture(paths, error);
  EXPECT_NE(source, nullptr) << error;
  return source;
}

std::string refusal(const std::vector<std::string>& paths) {
  std::string error;
  EXPECT_EQ(open_capture(paths, error), nullptr);
  return error;
}

void gzip_to(const std::string& path, const Buffer& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
  ASSERT_EQ(gzclose(file), Z_OK);
}

TEST(OpenCapture, several_files_are_one_run_of_numbers_with_their_inputs) {
  const Folder folder;
  const std::vector<std::string> paths = {folder.write("b.pcap", small_pcap()),
                                          folder.write("a.pcap", small_pcap(Order::big))};
  const auto source = must_open(paths);
  EXPECT_EQ(source->bytes_total(), 2 * small_pcap().size());
  const Outcome got = drain(*source);
  ASSERT_EQ(got.packets.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(got.packets[i].number, i + 1);
    EXPECT_EQ(got.packets[i].input, i / 3);
  }
  EXPECT_EQ(source->input_name(0), paths[0]);
  EXPECT_EQ(source->input_name(1), paths[1]);
  EXPECT_EQ(source->bytes_read(), source->bytes_total());
  EXPECT_FALSE(got.damaged);
  EXPECT_TRUE(can_reopen(paths));
  EXPECT_EQ(drain(*must_open(paths), 1).packets, got.packets);
}

TEST(OpenCapture, a_folder_is_read_by_the_time_of_first_packets_then_by_name) {
  const Folder folder;
  folder.write("1-late.pcap", small_pcap(Order::little, 3000));
  folder.write("2-twin.pcap", small_pcap(Order::little, 2000));
  folder.write("3-twin.pcap", small_pcap(Order::little, 2000));
  gzip_to(folder / "4-first", small_pcap(Order::big, 1000));
  std::filesystem::create_directory(folder / "inner");
  folder.write("inner/not-entered.pcap", small_pcap());
  const auto source = must_open({folder.path()});
  const Outcome got = drain(*source);
  EXPECT_EQ(got.packets.size(), 12u);
  EXPECT_FALSE(got.damaged) << got.damage;
  EXPECT_EQ(source->input_name(0), folder / "4-first");
  EXPECT_EQ(source->input_name(1), folder / "2-twin.pcap");
  EXPECT_EQ(source->input_name(2), folder / "3-twin.pcap");
  EXPECT_EQ(source->input_name(3), folder / "1-late.pcap");
  EXPECT_FALSE(can_reopen(std::vector{folder.path()})) << "one member is compressed";
}

TEST(OpenCapture, a_damaged_file_does_not_keep_the_others_from_being_read) {
  const Folder folder;
  Buffer cut = small_pcap(Order::little, 1000);
  cut.resize(cut.size() - 2);
  folder.write("cut.pcap", cut);
  folder.write("good.pcap", small_pcap(Order::little, 2000));
  folder.write("notes.txt", {'h', 'e', 'l', 'l', 'o'});
  folder.write("void", {});
  const Outcome got = drain(*must_open({folder.path()}));
  EXPECT_EQ(got.packets.size(), 5u);
  EXPECT_TRUE(got.damaged);
  EXPECT_EQ(got.damage,
            folder / "cut.pcap" + ": offset 59: a packet is cut: 3 of 5 bytes\n" + (folder / "notes.txt") +
                ": not a capture: it begins with 0x68656c6c, which is neither pcap, pcapng, gzip nor zstd\n" +
                (folder / "void") + ": the file is empty");
}

TEST(OpenCapture, damages_beyond_the_limit_are_counted) {
  const Folder folder;
  for (std::size_t i = 0; i < damages_max + 3; ++i) folder.write("bad" + std::to_string(i), {'x'});
  const Outcome got = drain(*must_open({folder.path()}));
  EXPECT_EQ(std::count(got.damage.begin(), got.damage.end(), '\n'), static_cast<std::ptrdiff_t>(damages_max));
  EXPECT_NE(got.damage.find("\nand 3 more files are damaged"), std::string::npos) << got.damage;
}

TEST(OpenCapture, what_cannot_be_opened_is_refused_in_one_line) {
  const Folder folder;
  const std::string good = folder.write("good.pcap", small_pcap());
  EXPECT_EQ(refusal({}), "no capture is named");
  EXPECT_EQ(refusal({good, folder / "missing.pcap"}),
            folder / "missing.pcap" + ": cannot open: No such file or directory");
  EXPECT_EQ(refusal({folder.write("empty.pcap", {})}), folder / "empty.pcap" + ": the file is empty");
  EXPECT_EQ(
      refusal({folder.write("text", {'a', 'b', 'c', 'd', 'e'})}),
      folder / "text" + ": not a capture: it begins with 0x61626364, which is neither pcap, pcapng, gzip nor zstd");
  EXPECT_EQ(refusal({folder.write("short", {0xd4, 0xc3, 0xb2, 0xa1, 2})}),
            folder / "short" + ": offset 0: the file header is cut: 5 of 24 bytes");
  EXPECT_EQ(refusal({folder.write("gz", {0x1f, 0x8b, 8, 0})}),
            folder / "gz" + ": offset 0: the gzip data end before their end mark");
  EXPECT_EQ(refusal({"-", good, "-"}), "standard input (-) can be read only once");
  std::filesystem::create_directory(folder / "hollow");
  EXPECT_EQ(refusal({folder / "hollow"}), folder / "hollow" + ": the folder holds no files");
  EXPECT_FALSE(can_reopen(std::vector{folder / "missing.pcap"}));
}

TEST(OpenCapture, a_file_without_permission_is_refused_in_one_line) {
  const Folder folder;
  const std::string path = folder.write("secret.pcap", small_pcap());
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  // Root may read every file, so it is somebody else for a moment.
  constexpr uid_t nobody = 65'534;
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(seteuid(nobody), 0);
  }
  const std::string told = refusal({path});
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_EQ(told, path + ": cannot open: Permission denied");
}

TEST(OpenCapture, a_file_that_vanishes_after_opening_is_told_as_damage) {
  const Folder folder;
  const std::vector<std::string> paths = {folder.write("a", small_pcap()), folder.write("b", small_pcap())};
  const auto source = must_open(paths);
  std::filesystem::remove(paths[1]);
  const Outcome got = drain(*source);
  EXPECT_EQ(got.packets.size(), 3u);
  EXPECT_EQ(got.damage, paths[1] + ": cannot open: No such file or directory");
}

TEST(OpenCapture, a_file_that_shrinks_while_it_is_read_ends_with_damage) {
  const Folder folder;
  Writer to = pcap_header(Order::little);
  const std::string body(1000, 'x');
  for (std::uint32_t i = 0; i < 10'000; ++i) pcap_record(to, i, 0, body, 1000);
  const std::string path = folder.write("shrinks.pcap", to.out);
  const auto source = must_open({path});
  std::vector<RawPacket> packets(100);
  std::size_t count = 0;
  ASSERT_EQ(source->next(packets, count), SourceState::more);
  // What was brought in is read on, up to the next window; its bytes were cut off behind that.
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(2 * map_window_bytes)), 0);
  const Outcome got = drain(*source, 100);
  EXPECT_TRUE(got.damaged);
  EXPECT_LT(got.packets.size(), 9'900u);
  EXPECT_NE(got.damage.find("the file cannot be read on: it shrank"), std::string::npos) << got.damage;
}

// Within what was brought in, where touching what is gone would end the program.
TEST(OpenCapture, a_file_that_is_cut_below_what_was_brought_in_keeps_what_is_before_the_cut) {
  const Folder folder;
  Writer to = pcap_header(Order::little);
  const std::string body(1000, 'x');
  for (std::uint32_t i = 0; i < 1'500; ++i) pcap_record(to, i, 0, body, 1000);
  ASSERT_LT(to.out.size(), map_window_bytes);
  const std::string path = folder.write("cut.pcap", to.out);
  const auto source = must_open({path});
  std::vector<RawPacket> packets(100);
  std::size_t count = 0;
  ASSERT_EQ(source->next(packets, count), SourceState::more);
  ASSERT_EQ(truncate(path.c_str(), 300'000), 0);
  const Outcome got = drain(*source, 100);
  EXPECT_TRUE(got.damaged);
  EXPECT_NE(got.damage.find("the file cannot be read on: it shrank"), std::string::npos) << got.damage;
  // 300,000 bytes have 295 records, of which 100 were read before.
  EXPECT_GE(got.packets.size(), 100u);
  EXPECT_LE(got.packets.size(), 195u);
  for (const auto& packet : got.packets) EXPECT_EQ(packet.bytes, body);
}

TEST(OpenCapture, bytes_that_are_cut_from_under_a_packet_read_as_zero) {
  const Folder folder;
  Writer to = pcap_header(Order::little);
  const std::string body(1000, 'x');
  for (std::uint32_t i = 0; i < 200; ++i) pcap_record(to, i, 0, body, 1000);
  const std::string path = folder.write("under.pcap", to.out);
  const auto source = must_open({path});
  std::vector<RawPacket> packets(100);
  std::size_t count = 0;
  ASSERT_EQ(source->next(packets, count), SourceState::more);
  ASSERT_EQ(count, 100u);
  ASSERT_EQ(truncate(path.c_str(), 4096), 0);
  EXPECT_EQ(packets[0].data[0], 'x');
  EXPECT_EQ(packets[99].data[999], 0);
  EXPECT_EQ(source->next(packets, count), SourceState::damaged);
  EXPECT_EQ(count, 0u);
}

TEST(MappedFile, a_fault_of_another_cause_still_ends_the_program) {
  const Folder folder;
  const auto source = must_open({folder.write("a.pcap", small_pcap())});
  EXPECT_DEATH(raise(SIGBUS), "");
}

TEST(OpenCapture, a_long_mapped_file_is_read_whole_over_many_windows) {
  const Folder folder;
  Writer to = pcap_header(Order::little);
  for (std::uint32_t i = 0; i < 12'000; ++i) pcap_record(to, i, 0, std::string(i % 1500, static_cast<char>(i)), 1500);
  ASSERT_GT(to.out.size(), 3 * map_window_bytes);
  const Outcome got = drain(*must_open({folder.write("long.pcap", to.out)}), 64);
  EXPECT_EQ(got.packets, read_mapped(to.out).packets);
  EXPECT_FALSE(got.damaged) << got.damage;
}

// As several workers walk one capture, each at its own pace: the pages are shared, and come and go between them.
TEST(OpenCapture, readers_of_one_mapping_see_all_of_it_at_whatever_pace) {
  const Folder folder;
  Writer to = pcap_header(Order::little);
  for (std::uint32_t i = 0; i < 20'000; ++i) pcap_record(to, i, 0, std::string(i % 1500, static_cast<char>(i)), 1500);
  ASSERT_GT(to.out.size(), 6 * map_window_bytes);
  const std::string path = folder.write("long.pcap", to.out);
  const auto expected = read_mapped(to.out).packets;
  const auto first = must_open({path}), second = must_open({path});
  std::vector<RawPacket> packets(64), ahead(64);
  std::size_t count = 0, count_ahead = 0, at = 0;
  // The first is half of the file ahead, then waits for the second to overtake it.
  const std::size_t half = expected.size() / 2 / 64 * 64;
  for (std::size_t i = 0; i < half; i += 64) ASSERT_EQ(first->next(ahead, count_ahead), SourceState::more);
  EXPECT_EQ(first->next(ahead, count_ahead), SourceState::more);
  for (SourceState state = SourceState::more; state == SourceState::more;) {
    state = second->next(packets, count);
    if (at == half) {
      EXPECT_EQ(packets[0].data, ahead[0].data) << "two mappings of one file";
    }
    for (std::size_t i = 0; i < count; ++i, ++at) ASSERT_EQ(seen(packets[i]), expected[at]);
  }
  EXPECT_EQ(at, expected.size());
  // What the second has left behind is still there for the first, and for one that comes late.
  for (std::size_t i = 0; i < count_ahead; ++i) ASSERT_EQ(seen(ahead[i]).bytes, expected[half + i].bytes);
  EXPECT_EQ(drain(*first, 64).packets.size(), expected.size() - half - 64);
  EXPECT_EQ(drain(*must_open({path}), 64).packets, expected);
}

// Of the process, of files, in bytes.
std::size_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stoul(line.substr(8)) * 1024;
  }
  return 0;
}

TEST(OpenCapture, readers_far_apart_hold_little_of_the_file_each) {
  const Folder folder;
  Writer to = pcap_header(Order::little);
  const std::string bytes(60'000, 'x');
  constexpr std::size_t file_bytes = 5 * MappedWalk::apart_bytes_max;
  for (std::uint32_t i = 0; to.out.size() < file_bytes; ++i) pcap_record(to, i, 0, bytes, 60'000);
  const std::string path = folder.write("long.pcap", to.out);
  const std::size_t before = resident_bytes();
  const auto first = must_open({path}), second = must_open({path}), third = must_open({path});
  std::vector<RawPacket> packets(64);
  std::size_t count = 0, most = 0;
  std::array<std::size_t, 3> got{};
  const std::array<PacketSource*, 3> sources = {first.get(), second.get(), third.get()};
  std::array<bool, 3> over{};
  // One runs ahead, one follows at half its pace, one at a quarter.
  for (unsigned turn = 0; !(over[0] && over[1] && over[2]); ++turn) {
    for (std::size_t s = 0; s < sources.size(); ++s) {
      if (over[s] || turn % (1u << s) != 0) continue;
      over[s] = sources[s]->next(packets, count) != SourceState::more;
      for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(packets[i].data[59'999], 'x');
      got[s] += count;
    }
    most = std::max(most, resident_bytes());
  }
  EXPECT_EQ(got[0], to.out.size() / 60'016);
  EXPECT_EQ(got[1], got[0]);
  EXPECT_EQ(got[2], got[0]);
  // What lies between the nearest two, and some windows of each.
  EXPECT_LT(most - std::min(most, before), MappedWalk::apart_bytes_max + 3 * 6 * map_window_bytes);
}

// Standard input replaced by a pipe into which another thread writes, piece by piece, and then it is put back.
TEST(OpenCapture, standard_input_delivers_each_packet_while_the_pipe_is_slow) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  const Buffer capture = small_pcap();
  ASSERT_EQ(write(ends[1], capture.data(), 43), 43);  // File header and the first record; the pipe stays open.
  const auto source = must_open({"-"});
  if (saved >= 0) {
    dup2(saved, STDIN_FILENO);
    close(saved);
  } else {
    close(STDIN_FILENO);
  }
  ASSERT_NE(source, nullptr);
  std::vector<RawPacket> packets(10);
  std::size_t count = 0;
  EXPECT_EQ(source->next(packets, count), SourceState::more);
  ASSERT_EQ(count, 1u);
  EXPECT_EQ(seen(packets[0]).bytes, "abc");
  std::thread writer([&] {
    for (std::size_t at = 43; at < capture.size(); ++at) {
      EXPECT_EQ(write(ends[1], capture.data() + at, 1), 1);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    close(ends[1]);
  });
  const Outcome rest = drain(*source);
  writer.join();
  ASSERT_EQ(rest.packets.size(), 2u);
  EXPECT_EQ(rest.packets[1].bytes, "defgh");
  EXPECT_EQ(rest.packets[1].number, 3u);
  EXPECT_FALSE(rest.damaged) << rest.damage;
  EXPECT_FALSE(can_reopen(std::vector<std::string>{"-"}));
}

TEST(OpenCapture, a_named_pipe_is_read_and_not_said_to_be_reopenable) {
  const Folder folder;
  const std::string path = folder / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(can_reopen(std::vector{path}));
  std::thread writer([&] {
    const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const Buffer capture = small_pcap();
    EXPECT_EQ(write(descriptor, capture.data(), capture.size()), static_cast<ssize_t>(capture.size()));
    close(descriptor);
  });
  const Outcome got = drain(*must_open({path}));
  writer.join();
  EXPECT_EQ(got.packets.size(), 3u);
  EXPECT_FALSE(got.damaged) << got.damage;
}

}  // namespace
}  // namespace tsujiban::capture::test
