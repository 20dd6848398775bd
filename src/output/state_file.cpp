#include "output/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "base/hash.h"

namespace tsujiban::output {
namespace {

constexpr std::size_t magic_bytes = 14;
constexpr char magic[magic_bytes + 1] = "TSUJIBAN-STATE";
constexpr std::size_t version_at = 14, length_at = 16, checksum_at = 24;

// Closes what it has.
class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}
  ~File() { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const noexcept { return fd_; }
  bool close() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

std::string told(const std::string& path, const char* what, int error) {
  return path + ": " + what + ": " + std::strerror(error);
}

int open_again(const char* path, int flags, mode_t mode = 0) noexcept {
  int fd;
  do fd = ::open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

bool write_all(int fd, Bytes bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

// How many bytes there were, up to `size`; -1 with errno.
ssize_t read_all(int fd, std::uint8_t* to, std::size_t size) noexcept {
  std::size_t got = 0;
  while (got < size) {
    const ssize_t n = ::read(fd, to + got, size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(got);
}

// The seed is fixed, for the file must mean the same after a restart.
std::uint64_t checksum_of(const std::uint8_t* header, Bytes state) noexcept {
  return hash_bytes({}, state, hash_bytes({}, Bytes(header + version_at, checksum_at - version_at)));
}

template <class T>
void store_le(std::uint8_t* at, T value) noexcept {
  for (std::size_t i = 0; i < sizeof value; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// A rename is durable when its directory is.
bool sync_directory(const std::string& path) noexcept {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  File file(open_again(directory.c_str(), O_RDONLY | O_DIRECTORY));
  // Some file systems cannot; what was written is there all the same.
  return file.get() >= 0 && (::fsync(file.get()) == 0 || errno == EINVAL || errno == ENOTSUP);
}

bool rename_without_replacing(const char* from, const char* to) noexcept {
  if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  return ::link(from, to) == 0 && ::unlink(from) == 0;
}

StateRead set_aside(const std::string& path, const std::string& what, std::string& message) {
  message = path + ": " + what;
  for (unsigned i = 0; i < damaged_files_max; ++i) {
    const std::string to = path + ".damaged" + (i == 0 ? std::string{} : '.' + std::to_string(i));
    if (rename_without_replacing(path.c_str(), to.c_str())) {
      message += "; it is now " + to + ", and the sensor begins without what it knew";
      return StateRead::damaged;
    }
    if (errno == EEXIST) continue;
    message += "; it could not be renamed to " + to + ": " + std::strerror(errno);
    return StateRead::damaged;
  }
  message += "; it stays, for " + std::to_string(damaged_files_max) +
             " damaged files are there already: the next save " + "writes over it";
  return StateRead::damaged;
}

}  // namespace

bool write_state(const std::string& path, Bytes state, std::string& error) {
  error.clear();
  if (state.size() > state_bytes_max) {
    error = path + ": the state has " + std::to_string(state.size()) + " bytes, more than " +
            std::to_string(state_bytes_max);
    return false;
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    error = path + ": is no regular file";
    return false;
  }
  std::uint8_t header[state_header_bytes];
  std::memcpy(header, magic, magic_bytes);
  store_le(header + version_at, state_file_version);
  store_le(header + length_at, static_cast<std::uint64_t>(state.size()));
  store_le(header + checksum_at, checksum_of(header, state));

  const std::string beside = path + ".new";
  // Left by a crash, or laid there by somebody: either way not ours to write into.
  if (::unlink(beside.c_str()) != 0 && errno != ENOENT) {
    error = told(beside, "cannot be removed", errno);
    return false;
  }
  File file(open_again(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (file.get() < 0) {
    error = told(beside, "cannot be made", errno);
    return false;
  }
  const auto fail = [&](const char* what) {
    error = told(beside, what, errno);
    ::unlink(beside.c_str());
    return false;
  };
  if (!write_all(file.get(), Bytes(header)) || !write_all(file.get(), state)) return fail("cannot be written");
  if (::fsync(file.get()) != 0) return fail("cannot be made durable");
  if (!file.close()) return fail("cannot be written");
  if (::rename(beside.c_str(), path.c_str()) != 0) return fail("cannot take its place");
  if (!sync_directory(path)) {
    error = told(path, "was written, but its directory cannot be made durable", errno);
    return false;
  }
  return true;
}

StateRead read_state(const std::string& path, std::vector<std::uint8_t>& out, std::string& message) {
  out.clear();
  message.clear();
  // Without O_NONBLOCK a pipe in its place would hold up the start.
  File file(open_again(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT) return StateRead::absent;
    message = errno == ELOOP ? path + ": is a symbolic link" : told(path, "cannot be opened", errno);
    return StateRead::unreadable;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    message = told(path, "cannot be read", errno);
    return StateRead::unreadable;
  }
  if (!S_ISREG(status.st_mode)) {
    message = path + ": is no regular file";
    return StateRead::unreadable;
  }
  std::uint8_t header[state_header_bytes];
  const ssize_t header_read = read_all(file.get(), header, sizeof header);
  if (header_read < 0) {
    message = told(path, "cannot be read", errno);
    return StateRead::unreadable;
  }
  if (static_cast<std::size_t>(header_read) < sizeof header)
    return set_aside(path, "is damaged: " + std::to_string(header_read) + " bytes are no header", message);
  if (std::memcmp(header, magic, magic_bytes) != 0) return set_aside(path, "is no state file", message);
  const std::uint16_t version = load_raw<std::uint16_t>(header + version_at);
  if (version != state_file_version) {
    return set_aside(path,
                     "is of version " + std::to_string(version) + ", and this program reads version " +
                         std::to_string(state_file_version),
                     message);
  }
  const std::uint64_t length = load_raw<std::uint64_t>(header + length_at);
  const std::uint64_t there = static_cast<std::uint64_t>(status.st_size) - state_header_bytes;
  if (length != there || length > state_bytes_max) {
    return set_aside(path, "is damaged: it says " + std::to_string(length) + " bytes and has " + std::to_string(there),
                     message);
  }
  try {
    out.resize(static_cast<std::size_t>(length));
  } catch (const std::bad_alloc&) {
    message = path + ": no memory for " + std::to_string(length) + " bytes";
    return StateRead::unreadable;
  }
  const ssize_t got = read_all(file.get(), out.data(), out.size());
  if (got < 0 || static_cast<std::uint64_t>(got) != length) {
    out.clear();
    message = got < 0 ? told(path, "cannot be read", errno) : path + ": changed while it was read";
    return StateRead::unreadable;
  }
  if (checksum_of(header, out) != load_raw<std::uint64_t>(header + checksum_at)) {
    out.clear();
    return set_aside(path, "is damaged: its checksum is wrong", message);
  }
  return StateRead::ok;
}

}  // namespace tsujiban::output
