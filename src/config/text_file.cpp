#include "config/text_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace tsujiban::config {

std::string read_text_file(const std::string& path, std::uint64_t bytes_max, std::string& text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::strerror(errno);
  if (S_ISDIR(status.st_mode)) return "this is a folder; a file is accepted";
  if (!S_ISREG(status.st_mode)) return "this is no ordinary file; a text file is accepted";
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::strerror(errno == 0 ? EIO : errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > bytes_max) {
    return "the file is larger than " +
           (bytes_max >> 20 != 0 ? std::to_string(bytes_max >> 20) + " MiB" : std::to_string(bytes_max) + " bytes");
  }
  // Not more than it had, should it grow meanwhile.
  text.resize(size);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return "reading failed";
  text.resize(static_cast<std::size_t>(file.gcount()));
  return {};
}

std::string read_secret_file(const std::string& path, std::uint64_t bytes_max, std::string& text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::strerror(errno);
  if (S_ISREG(status.st_mode) && (status.st_mode & (S_IWGRP | S_IRWXO)) != 0)
    return "others than its owner and group may read it, or than its owner write it; chmod 600 or 640 is accepted";
  return read_text_file(path, bytes_max, text);
}

}  // namespace tsujiban::config
