#include "capture/capture_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <new>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "capture/file_reader.h"

namespace tsujiban::capture {
namespace {

namespace fs = std::filesystem;

struct Input {
  std::string path;
  std::uint64_t bytes = 0;             // As stored; 0 for pipes.
  std::unique_ptr<FileReader> opened;  // What cannot be opened twice: pipes, standard input.
};

// The regular files of a folder, through symbolic links, in no order.
std::optional<std::vector<fs::path>> files_of(const std::string& folder, std::string& error) {
  std::vector<fs::path> files;
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    std::error_code ignored;  // A dangling link is no regular file.
    if (!entry->is_regular_file(ignored)) continue;
    if (files.size() == inputs_max) {
      error = folder + ": holds more than " + std::to_string(inputs_max) + " files";
      return std::nullopt;
    }
    files.push_back(entry->path());
  }
  if (code) {
    error = folder + ": cannot be listed: " + code.message();
    return std::nullopt;
  }
  if (files.empty()) {
    error = folder + ": the folder holds no files";
    return std::nullopt;
  }
  return files;
}

// Those without a packet go last, where they are told.
PacketTime first_packet_time(const std::string& path) {
  std::string ignored;
  RawPacket packet{};
  std::size_t count = 0;
  const auto reader = FileReader::open(path, ignored);
  if (reader != nullptr) reader->read({&packet, 1}, count, 1, 0);
  return count == 0 ? PacketTime{std::numeric_limits<std::int64_t>::max()} : packet.time;
}

bool add_folder(const std::string& folder, std::vector<Input>& inputs, std::string& error) {
  const auto files = files_of(folder, error);
  if (!files) return false;
  struct Dated {
    PacketTime time;
    std::string path;
    auto operator<=>(const Dated&) const = default;
  };
  std::vector<Dated> dated;
  dated.reserve(files->size());
  for (const fs::path& file : *files) dated.push_back({first_packet_time(file.string()), file.string()});
  std::sort(dated.begin(), dated.end());
  for (Dated& file : dated) {
    std::error_code code;
    const auto bytes = fs::file_size(file.path, code);
    inputs.push_back({std::move(file.path), code ? 0 : bytes, nullptr});
  }
  return true;
}

bool add_file(const std::string& path, std::vector<Input>& inputs, std::string& error) {
  Input input{path, 0, FileReader::open(path, error)};
  if (input.opened == nullptr) return false;
  input.bytes = input.opened->bytes_total();
  // Regular files are closed again, so that any number of them costs no descriptors while they wait.
  std::error_code ignored;
  if (path != "-" && fs::is_regular_file(path, ignored)) input.opened.reset();
  inputs.push_back(std::move(input));
  return true;
}

class CaptureSource final : public PacketSource {
 public:
  explicit CaptureSource(std::vector<Input> inputs) : inputs_(std::move(inputs)) {
    bool known = true;
    for (const Input& input : inputs_) {
      known = known && (input.bytes != 0 || input.opened == nullptr);
      bytes_total_ += input.bytes;
    }
    if (!known) bytes_total_ = 0;
  }

  SourceState next(std::span<RawPacket> to, std::size_t& count) override {
    count = 0;
    if (file_ended_) close_file();
    while (index_ != inputs_.size()) {
      if (reader_ == nullptr && !open_file()) continue;
      const ParseState state = reader_->read(to, count, number_, static_cast<std::uint16_t>(index_));
      number_ += count;
      if (state == ParseState::full) return SourceState::more;
      if (state == ParseState::damaged) note(inputs_[index_].path + ": " + reader_->damage());
      // The packets of this batch point into the file, which therefore stays until the next call.
      file_ended_ = true;
      if (count != 0) return index_ + 1 == inputs_.size() ? ended() : SourceState::more;
      close_file();
    }
    return ended();
  }

  std::string_view input_name(std::uint16_t input) const noexcept override {
    return input < inputs_.size() ? std::string_view(inputs_[input].path) : std::string_view();
  }

  std::string damage() const override {
    std::string text;
    for (const std::string& one : damages_) text += (text.empty() ? "" : "\n") + one;
    if (damage_count_ > damages_.size())
      text += "\nand " + std::to_string(damage_count_ - damages_.size()) + " more files are damaged";
    return text;
  }

  std::uint64_t bytes_read() const noexcept override {
    return bytes_done_ + (reader_ == nullptr ? 0 : reader_->bytes_read());
  }
  std::uint64_t bytes_total() const noexcept override { return bytes_total_; }
  std::uint64_t kernel_drops() noexcept override { return 0; }

 private:
  bool open_file() {
    Input& input = inputs_[index_];
    std::string error;
    reader_ = input.opened != nullptr ? std::move(input.opened) : FileReader::open(input.path, error);
    if (reader_ != nullptr) return true;
    note(std::move(error));
    bytes_done_ += input.bytes;
    ++index_;
    return false;
  }

  void close_file() {
    bytes_done_ += inputs_[index_].bytes != 0 ? inputs_[index_].bytes : reader_->bytes_read();
    reader_.reset();
    file_ended_ = false;
    ++index_;
  }

  SourceState ended() const noexcept { return damage_count_ == 0 ? SourceState::end : SourceState::damaged; }

  void note(std::string damage) {
    ++damage_count_;
    if (damages_.size() < damages_max) damages_.push_back(std::move(damage));
  }

  std::vector<Input> inputs_;
  std::size_t index_ = 0;
  std::unique_ptr<FileReader> reader_;  // Of inputs_[index_]; null: not yet opened.
  bool file_ended_ = false;
  std::uint64_t number_ = 1;
  std::uint64_t bytes_done_ = 0;
  std::uint64_t bytes_total_ = 0;
  std::vector<std::string> damages_;
  std::size_t damage_count_ = 0;
};

bool is_plain_file(const std::string& path) {
  struct stat status {};
  // Looked at before it is opened: opening a pipe would wait for its writer.
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  std::uint8_t first[4] = {};
  const ssize_t got = read(descriptor, first, sizeof first);
  close(descriptor);
  return got >= 0 && !is_compressed({first, static_cast<std::size_t>(got)});
}

}  // namespace

std::unique_ptr<PacketSource> open_capture(std::span<const std::string> paths, std::string& error) {
  try {
    std::vector<Input> inputs;
    if (paths.empty()) {
      error = "no capture is named";
      return nullptr;
    }
    if (std::count(paths.begin(), paths.end(), "-") > 1) {
      error = "standard input (-) can be read only once";
      return nullptr;
    }
    for (const std::string& path : paths) {
      std::error_code ignored;
      const bool added = path != "-" && fs::is_directory(path, ignored) ? add_folder(path, inputs, error)
                                                                        : add_file(path, inputs, error);
      if (!added) return nullptr;
      if (inputs.size() > inputs_max) {
        error = "more than " + std::to_string(inputs_max) + " captures";
        return nullptr;
      }
    }
    return std::make_unique<CaptureSource>(std::move(inputs));
  } catch (const std::bad_alloc&) {
    error = "not enough memory to open the captures";
    return nullptr;
  }
}

bool can_reopen(std::span<const std::string> paths) {
  return std::all_of(paths.begin(), paths.end(), [](const std::string& path) {
    std::error_code ignored;
    if (path == "-") return false;
    if (!fs::is_directory(path, ignored)) return is_plain_file(path);
    std::string error;
    const auto files = files_of(path, error);
    return files &&
           std::all_of(files->begin(), files->end(), [](const fs::path& file) { return is_plain_file(file.string()); });
  });
}

}  // namespace tsujiban::capture
