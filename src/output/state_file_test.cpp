#include "output/state_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace tsujiban::output {
namespace {

namespace fs = std::filesystem;
using State = std::vector<std::uint8_t>;

class StateFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "state-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/state";
  }
  void TearDown() override {
    ::chmod(folder_.c_str(), 0700);
    fs::remove_all(folder_);
  }
  State bytes_of(const std::string& path) const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void put(const std::string& path, const State& bytes) const {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  StateRead read() { return read_state(path_, out_, text_); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  std::string folder_, path_, text_;
  State out_;
};

TEST_F(StateFile, gives_back_what_was_written) {
  for (const std::size_t size : {0, 1, 63, 64, 65, 100'000}) {
    State state(size);
    for (std::size_t i = 0; i < size; ++i) state[i] = static_cast<std::uint8_t>(i * 7);
    ASSERT_TRUE(write_state(path_, state, text_)) << text_;
    EXPECT_EQ(read(), StateRead::ok) << text_;
    EXPECT_EQ(out_, state);
    EXPECT_TRUE(text_.empty());
  }
  EXPECT_EQ(files(), 1u);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(StateFile, absent_is_no_fault) {
  EXPECT_EQ(read(), StateRead::absent);
  EXPECT_TRUE(text_.empty());
  path_ = folder_ + "/no/such/folder";
  EXPECT_EQ(read(), StateRead::absent);
}

TEST_F(StateFile, writing_into_a_missing_directory_is_told) {
  path_ = folder_ + "/missing/state";
  EXPECT_FALSE(write_state(path_, {}, text_));
  EXPECT_NE(text_.find("No such file"), std::string::npos) << text_;
}

TEST_F(StateFile, cut_at_every_byte_is_set_aside_and_told) {
  const State state = {1, 2, 3, 4, 5};
  ASSERT_TRUE(write_state(path_, state, text_));
  const State whole = bytes_of(path_);
  ASSERT_EQ(whole.size(), state_header_bytes + state.size());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const State cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    put(path_, cut);
    EXPECT_EQ(read(), StateRead::damaged) << size;
    EXPECT_TRUE(out_.empty());
    EXPECT_NE(text_.find(path_ + ".damaged"), std::string::npos);
    EXPECT_FALSE(fs::exists(path_));
    EXPECT_EQ(bytes_of(path_ + ".damaged"), cut);
    fs::remove(path_ + ".damaged");
  }
}

TEST_F(StateFile, a_byte_too_many_is_damage) {
  ASSERT_TRUE(write_state(path_, State{1, 2, 3}, text_));
  State longer = bytes_of(path_);
  longer.push_back(0);
  put(path_, longer);
  EXPECT_EQ(read(), StateRead::damaged);
}

TEST_F(StateFile, every_flipped_bit_is_noticed) {
  State state(70);
  for (std::size_t i = 0; i < state.size(); ++i) state[i] = static_cast<std::uint8_t>(i);
  ASSERT_TRUE(write_state(path_, state, text_));
  const State whole = bytes_of(path_);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    State flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    put(path_, flipped);
    EXPECT_EQ(read(), StateRead::damaged) << bit;
    fs::remove(path_ + ".damaged");
  }
}

TEST_F(StateFile, a_length_beyond_the_file_takes_no_memory) {
  ASSERT_TRUE(write_state(path_, State{1, 2, 3}, text_));
  State lies = bytes_of(path_);
  std::fill(lies.begin() + 16, lies.begin() + 24, 0xff);
  put(path_, lies);
  EXPECT_EQ(read(), StateRead::damaged);
  EXPECT_EQ(out_.capacity(), 0u);
}

TEST_F(StateFile, another_version_is_set_aside_with_its_number) {
  ASSERT_TRUE(write_state(path_, State{1}, text_));
  State newer = bytes_of(path_);
  newer[14] = 9;
  put(path_, newer);
  EXPECT_EQ(read(), StateRead::damaged);
  EXPECT_NE(text_.find("version 9"), std::string::npos) << text_;
}

TEST_F(StateFile, damaged_files_are_never_written_over) {
  for (unsigned i = 0; i < damaged_files_max + 2; ++i) {
    put(path_, State(1, static_cast<std::uint8_t>(i)));
    EXPECT_EQ(read(), StateRead::damaged);
    EXPECT_EQ(fs::exists(path_), i >= damaged_files_max) << i;
  }
  EXPECT_NE(text_.find("it stays"), std::string::npos) << text_;
  EXPECT_EQ(bytes_of(path_ + ".damaged"), State(1, 0));
  for (unsigned i = 1; i < damaged_files_max; ++i)
    EXPECT_EQ(bytes_of(path_ + ".damaged." + std::to_string(i)), State(1, static_cast<std::uint8_t>(i)));
  EXPECT_TRUE(write_state(path_, State{7}, text_));
  EXPECT_EQ(read(), StateRead::ok);
}

TEST_F(StateFile, a_failed_write_leaves_the_old_state) {
  ASSERT_TRUE(write_state(path_, State{1, 2, 3}, text_));
  fs::create_directory(path_ + ".new");
  EXPECT_FALSE(write_state(path_, State{4}, text_));
  EXPECT_FALSE(text_.empty());
  EXPECT_EQ(read(), StateRead::ok);
  EXPECT_EQ(out_, (State{1, 2, 3}));
}

TEST_F(StateFile, what_a_crash_left_beside_it_is_replaced) {
  put(path_ + ".new", State(1000, 1));
  ASSERT_TRUE(write_state(path_, State{5}, text_)) << text_;
  EXPECT_EQ(read(), StateRead::ok);
  EXPECT_EQ(files(), 1u);
}

TEST_F(StateFile, symbolic_links_are_neither_followed_nor_replaced) {
  const std::string other = folder_ + "/other";
  put(other, State{1, 2});
  fs::create_symlink(other, path_);
  EXPECT_EQ(read(), StateRead::unreadable);
  EXPECT_NE(text_.find("symbolic link"), std::string::npos) << text_;
  EXPECT_FALSE(write_state(path_, State{9}, text_));
  fs::remove(path_);
  fs::create_symlink(other, path_ + ".new");
  EXPECT_TRUE(write_state(path_, State{9}, text_)) << text_;
  EXPECT_EQ(bytes_of(other), (State{1, 2}));
}

TEST_F(StateFile, what_is_no_file_is_refused_at_once) {
  fs::create_directory(path_);
  EXPECT_EQ(read(), StateRead::unreadable);
  EXPECT_FALSE(write_state(path_, State{9}, text_));
  fs::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(read(), StateRead::unreadable);
}

TEST_F(StateFile, a_refusal_by_the_system_is_told_and_changes_nothing) {
  if (::geteuid() == 0) GTEST_SKIP() << "nothing is refused to root";
  ASSERT_TRUE(write_state(path_, State{1}, text_));
  ASSERT_EQ(::chmod(path_.c_str(), 0), 0);
  EXPECT_EQ(read(), StateRead::unreadable);
  EXPECT_NE(text_.find("Permission denied"), std::string::npos) << text_;
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  ASSERT_EQ(::chmod(folder_.c_str(), 0500), 0);
  EXPECT_FALSE(write_state(path_, State{2}, text_));
  EXPECT_NE(text_.find("Permission denied"), std::string::npos) << text_;
  EXPECT_EQ(read(), StateRead::ok);
  EXPECT_EQ(out_, State{1});
  State damaged = bytes_of(path_);
  damaged.back() ^= 1;
  put(path_, damaged);
  EXPECT_EQ(read(), StateRead::damaged);
  EXPECT_NE(text_.find("could not be renamed"), std::string::npos) << text_;
}

TEST_F(StateFile, more_than_the_bound_is_refused) {
  // Only the size is looked at: the memory behind it is not touched.
  const std::uint8_t byte = 0;
  EXPECT_FALSE(write_state(path_, Bytes(&byte, state_bytes_max + 1), text_));
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace tsujiban::output
